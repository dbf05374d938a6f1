"""How much work a JSON text is, before it is parsed.

A value costs 8 to 90 bytes of memory and up to a microsecond with the interpreter locked, however
short its text is: 16 MiB of `[],` become half a gigabyte, and stop the event loop for seconds. An
escaped character costs 30 ns, a number of thousands of digits 0.2 ms. So they are counted first in
a large body, in pieces that take a few milliseconds each.
"""

import re
from collections.abc import Iterable, Iterator

from runner.http.errors import RequestError

# A kata needs two for each of its files, and some dozen for its manifest.
MOST_VALUES = 50_000
# As many as a text of a million lines has.
MOST_ESCAPES = 1_000_000
# A number of 4,000 digits takes 0.2 ms; none of a kata's has more than some.
MOST_LONG_NUMBERS = 20
# Below, there is no room for so many that it would matter.
COUNTED_FROM_BYTES = 64 * 1024

_PIECE_BYTES = 64 * 1024
_LONG_NUMBER = re.compile(rb"[0-9]{400}")
# Each value but the first of all comes right after one of these.
_NO_SEPARATORS = bytes(byte for byte in range(256) if byte not in b",:[{")


def check_work(body: bytes | bytearray) -> None:
    """Raises RequestError when there is more to do than for any kata, and says of what."""
    if len(body) < COUNTED_FROM_BYTES:
        return
    if sum(piece.count(b"\\") for piece in _pieces(body)) > MOST_ESCAPES:
        raise _too_many(MOST_ESCAPES, "escaped characters")
    values, long_numbers = 0, 0
    for outside, texts in _outside_texts(_pieces(body)):
        values += max(_separators(outside), texts // 2)  # of texts half may be names
        long_numbers += len(_LONG_NUMBER.findall(outside))
        if values > MOST_VALUES:
            raise _too_many(MOST_VALUES, "values")
        if long_numbers > MOST_LONG_NUMBERS:
            raise _too_many(MOST_LONG_NUMBERS, "long numbers")


def _too_many(limit: int, what: str) -> RequestError:
    return RequestError(400, f"body: over the limit of {limit} {what}")


def _separators(outside: bytes) -> int:
    return len(outside.translate(None, _NO_SEPARATORS))


def _pieces(body: bytes | bytearray) -> Iterator[bytes]:
    for at in range(0, len(body), _PIECE_BYTES):
        yield bytes(body[at : at + _PIECE_BYTES])


def _outside_texts(pieces: Iterable[bytes]) -> Iterator[tuple[bytes, int]]:
    """Of each piece what is not in quotation marks, and how many texts there are in it."""
    in_text, rest = False, b""
    for piece in pieces:
        # Of a pair of backslashes that is cut in two the first waits for the second.
        pairs_gone = (rest + piece).replace(b"\\\\", b"")
        rest = b"\\" if pairs_gone.endswith(b"\\") else b""
        runs = pairs_gone.removesuffix(rest).replace(b'\\"', b"").split(b'"')
        yield b"".join(runs[1 if in_text else 0 :: 2]), len(runs) // 2
        in_text ^= len(runs) % 2 == 0
