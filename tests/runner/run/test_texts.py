"""Which bytes are text, and how much of it is returned."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import magic
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runner.kata import Text
from runner.run.texts import LONGEST_TEXT_BYTES, cost_of, is_text, text_of

MIB = 1024 * 1024
_MAGIC = magic.Magic(mime_encoding=True)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"\0", b"\xff", b"\x01", b"hello", b"hello\n", "naïve 日本 😀".encode(),
        b"\r\n\t\x1b[1m", b"caf\xe9 au lait\n", "text\n".encode("utf-16"),
        b"\xfe\xff" + "text\n".encode("utf-16-be"),
        b"\xef\xbb\xbftext", b"x" * MIB, b"  \n\n", b"\x08\x0c",
    ],
)  # fmt: skip
def test_text_is_what_libmagic_says(content: bytes) -> None:
    """UTF-8, UTF-16 with its mark, Latin-1 and anything of less than two bytes are text."""
    assert is_text(content)


@pytest.mark.parametrize(
    "content",
    [
        b"a\0b", b"\0\0", b"\x01\x02", b"\x7fELF\x02\x01\x01\0", b"\x89PNG\r\n\x1a\n\0", b"a\x03",
        b"x" * 70_000 + b"\0", b"x" * MIB + b"\0tail",
    ],
)  # fmt: skip
def test_the_rest_is_binary(content: bytes) -> None:
    """NUL and most control characters make a file binary, however late they come."""
    assert not is_text(content)


@pytest.mark.parametrize("byte", range(256))
def test_every_byte_is_judged_as_libmagic_judges_it(byte: int) -> None:
    """Each byte, between letters, alone and at the beginning, is judged as libmagic would."""
    for content in (bytes((97, byte, 98, 10)), bytes((byte, byte)), bytes((byte, 97))):
        assert is_text(content) == (_encoding(content) != "binary")


@given(st.text(st.characters(min_codepoint=7, max_codepoint=126), min_size=2))
@example("%PDF-1.4\n")
@example("#!/bin/sh\n")
@example("BM" + "a" * 60)
@example("PK ab")
@example("070701" + "0" * 104)
def test_ascii_is_judged_as_libmagic_judges_it(content: str) -> None:
    """ASCII is text whatever kind of file it looks like."""
    assert is_text(content.encode()) == (_encoding(content.encode()) != "binary")


_PIECES = (
    b"\n", b"\r\n", b"\r", b" ", b"\t", b"\0", b"a", b"\xe9", b"\x85", b"\x01", b"\xff\xfe", b"[",
    "é".encode(), "😀".encode(), "ü\n".encode("utf-16-le"), "ü\n".encode("utf-32-be"), b"a,b\n",
    b'{"a":', b"From: ", b"\\begin{", b"<a ", b"PK\3\4", b"\x7fELF\2\1\1", b"%PDF-1.4", b".TH ",
    b"#!/bin/sh\n", b"def a():\n", b"\x93\x85",
)  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES) | st.binary(max_size=9), min_size=2).map(b"".join))
def test_any_content_is_judged_as_libmagic_judges_it(content: bytes) -> None:
    """The verdict is that of a libmagic that looks for everything it knows."""
    assert is_text(content) == (len(content) < 2 or _encoding(content) != "binary")


@pytest.mark.parametrize(
    "unit",
    [
        b"\n", b"\r\n", b"\r", b" ", b"\t", b"x", b" \n\t\n", b"a\n", b"\0", b"\n\0", b"[",
        b"a,b\n", b'{"a":[', b"From: a\n", b".TH a\n", b"\\begin{a}\n", b"def a(b):\n", b"<a ",
        b"/* ", b"#include <a>\n", b"PK\3\4", "\n".encode("utf-16-le"), "\n".encode("utf-32-le"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("mark", [b"\xe9", b"\xff\xfe", b"\xff\xfe\0\0"])
def test_no_content_takes_long_to_judge(unit: bytes, mark: bytes) -> None:
    """Whatever a program repeats for ever costs about as much CPU as prose of the same size."""
    prose = _repeated("Ein Bär läuft.\n".encode())
    for content in (_repeated(unit) + mark, mark + _repeated(unit)):
        assert _cpu_s(content) < 20 * _cpu_s(prose) + 0.05


@pytest.mark.parametrize("unit", [b"\n", b" ", b"\t", b"\r\n", b"x", b"\0", b"[", b"From: a\n"])
@pytest.mark.parametrize("mark", [b"\xe9", b"\0", "é".encode()])
def test_what_takes_libmagic_long_is_judged_the_same(unit: bytes, mark: bytes) -> None:
    """The verdict on what is repeated is that of a libmagic that looks for everything it knows."""
    for content in (unit * 5000 + mark, unit * 2500 + mark + unit * 2500):
        assert is_text(content) == (_encoding(content) != "binary")


def _repeated(unit: bytes) -> bytes:
    return unit * (MIB // 4 // len(unit))


def _cpu_s(content: bytes) -> float:
    """The CPU that a verdict takes, at the best of three times."""
    took_s = []
    for _ in range(3):
        began_s = time.thread_time()
        is_text(content)
        took_s.append(time.thread_time() - began_s)
    return min(took_s)


def _encoding(content: bytes) -> str:
    return str(_MAGIC.from_buffer(content))


def test_every_thread_asks_for_itself() -> None:
    """Verdicts are the same when many are asked for at once."""
    with ThreadPoolExecutor(8) as threads:
        verdicts = list(threads.map(is_text, [b"text", b"a\0b"] * 200))

    assert verdicts == [True, False] * 200


@pytest.mark.parametrize(
    ("size", "shown", "truncated"),
    [(0, 0, False), (51199, 51199, False), (51200, 51200, False), (51201, 51200, True)],
)
def test_a_text_has_at_most_fifty_kib(size: int, shown: int, truncated: bool) -> None:
    """A text of exactly the limit is whole, and one byte more is cut."""
    assert text_of(b"x" * size) == Text("x" * shown, truncated)


def test_bytes_that_are_no_utf_8_are_dropped() -> None:
    """A text is told to be truncated by the bytes that there were, not by those that are left."""
    assert text_of(b"a\xffb\xc3") == Text("ab", truncated=False)
    assert text_of(b"\xff" * (LONGEST_TEXT_BYTES + 1)) == Text("", truncated=True)


@given(st.text(min_size=1, max_size=50), st.integers(0, 4))
@example("😀", 1)
def test_a_text_is_cut_between_characters(part: str, offset: int) -> None:
    """A cut text is a beginning of the text, less than one character short of the limit."""
    whole = "x" * offset + part * (LONGEST_TEXT_BYTES // len(part.encode()) + 1)
    cut = text_of(whole.encode())

    assert whole.startswith(cut.content)
    assert LONGEST_TEXT_BYTES - 4 < len(cut.content.encode()) <= LONGEST_TEXT_BYTES
    assert cut.truncated == (len(whole.encode()) > LONGEST_TEXT_BYTES)


@given(st.binary(max_size=200))
def test_any_bytes_become_a_text(content: bytes) -> None:
    """The text of any bytes can be encoded again, and says nothing that was not there."""
    assert text_of(content).content == content.decode("utf-8", "ignore")


@pytest.mark.parametrize(
    "content",
    ["", "x" * 51_200, "\x1b" * 51_200, '"\\\n' * 10_000, "é" * 25_600, "😀" + "x" * 51_196],
)
def test_a_text_costs_what_it_takes(content: str) -> None:
    """The cost of a text is never less than it takes in JSON or in memory, and little more."""
    in_json = len(json.dumps({"a": {"content": content, "truncated": False}}, ensure_ascii=False))
    least = max(in_json - 2, sys.getsizeof(content))

    assert least <= cost_of("a", Text(content)) <= 2 * least + 200
