"""Judges how much work a JSON text is, before it is parsed.

However short its text is, each value costs 8 to 90 bytes of memory, and up to a microsecond with
the interpreter locked: 16 MiB of `[],` become half a gigabyte, and stop the event loop for seconds.
An escaped character costs 30 ns, and a number of thousands of digits 0.2 ms. So all these are
counted first in a large body, in pieces that take a few milliseconds each.
"""

import re
from collections.abc import Iterable, Iterator

from runner.http.errors import RequestError

# A kata needs two for each of its files, and some dozen for its manifest.
MOST_VALUES = 50_000
# A text of a million lines has so many.
MOST_ESCAPES = 1_000_000
# A number of 4,000 digits takes 0.2 ms. A kata's numbers have a few digits.
MOST_LONG_NUMBERS = 20
# A smaller body has no room for so many of them that it would matter.
COUNTED_FROM_BYTES = 64 * 1024

_PIECE_BYTES = 64 * 1024
_LONG_NUMBER = re.compile(rb"[0-9]{400}")
# Each value comes right after one of these characters, but for the very first.
_NO_SEPARATORS = bytes(byte for byte in range(256) if byte not in b",:[{")


def check_work(body: bytes | bytearray) -> None:
    """Raises RequestError, which says why, when a body is more work than any kata."""
    if len(body) < COUNTED_FROM_BYTES:
        return
    if sum(piece.count(b"\\") for piece in _pieces(body)) > MOST_ESCAPES:
        raise _too_many(MOST_ESCAPES, "escaped characters")
    values, long_numbers = 0, 0
    for outside, texts in _outside_texts(_pieces(body)):
        values += max(_separators(outside), texts // 2)  # half of the texts may be names
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
    """For each piece, the bytes outside of quotation marks, and the number of texts in it."""
    in_text, rest = False, b""
    for piece in pieces:
        # If a pair of backslashes is cut in two, the first one waits for the next piece.
        pairs_gone = (rest + piece).replace(b"\\\\", b"")
        rest = b"\\" if pairs_gone.endswith(b"\\") else b""
        runs = pairs_gone.removesuffix(rest).replace(b'\\"', b"").split(b'"')
        yield b"".join(runs[1 if in_text else 0 :: 2]), len(runs) // 2
        in_text ^= len(runs) % 2 == 0
