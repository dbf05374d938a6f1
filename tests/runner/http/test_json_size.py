"""How much work a JSON text is, before it is parsed."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.http.errors import RequestError
from runner.http.json_size import (
    COUNTED_FROM_BYTES,
    MOST_ESCAPES,
    MOST_LONG_NUMBERS,
    MOST_VALUES,
    _outside_texts,
    _separators,
    check_work,
)

KIB = 1024
REFUSAL = f"body: over the limit of {MOST_VALUES} values"


def values_in(value: Any) -> int:
    """Those of a parsed text, the names of its objects counted too."""
    if isinstance(value, dict):
        return 1 + sum(1 + values_in(inner) for inner in value.values())
    if isinstance(value, list):
        return 1 + sum(map(values_in, value))
    return 1


@pytest.mark.parametrize(
    "body",
    [
        b"[" + b"[]," * 1_000_000 + b"1]",
        b"[" + b"{}," * 1_000_000 + b"1]",
        b"{" + b",".join(b'"%x":0' % number for number in range(200_000)) + b"}",
        b"[" + b",".join(b'"%x"' % number for number in range(200_000)) + b"]",
        b"[" + b"1," * 1_000_000 + b"1]",
        b"[" * 1_000_000,
    ],
    ids=["arrays", "objects", "small keys", "small texts", "numbers", "nesting"],
)
def test_a_text_of_many_values_is_refused(body: bytes) -> None:
    """A text of too many values is refused with 400, and the limit is named."""
    with pytest.raises(RequestError) as caught:
        check_work(body)

    assert (caught.value.status, caught.value.message) == (400, REFUSAL)


@pytest.mark.parametrize(
    "text",
    [
        "1,2,3\n" * 200_000,
        '{"a": [1, 2]},' * 100_000,
        "\\" * 100_001 + '",' * 200_000,
        "é,{" * 90_000,
    ],
    ids=["a table", "JSON", "backslashes", "beyond ASCII"],
)
def test_what_a_file_holds_does_not_count(text: str) -> None:
    """A learner's table of numbers is one value, however many commas it has."""
    for ensure_ascii in (True, False):
        body = json.dumps({"files": {"a": text, "b": text}}, ensure_ascii=ensure_ascii).encode()

        check_work(body)
        check_work(bytearray(body))


def test_a_text_of_many_escapes_is_refused() -> None:
    """The refusal is 400 and names the limit; at the limit it is taken."""
    check_work(b'{"a":"' + b"\\n" * MOST_ESCAPES + b'"}')
    with pytest.raises(RequestError) as caught:
        check_work(b'{"a":"' + b"\\n" * (MOST_ESCAPES + 1) + b'"}')

    message = f"body: over the limit of {MOST_ESCAPES} escaped characters"
    assert (caught.value.status, caught.value.message) == (400, message)


def test_a_text_of_many_long_numbers_is_refused() -> None:
    """The refusal is 400 and names the limit; the digits of a learner's file do not count."""
    number = b"9" * 4000
    check_work(b'{"a":"' + b"9" * 1_000_000 + b'","b":[' + b",".join([number] * 2) + b"]}")
    with pytest.raises(RequestError) as caught:
        check_work(b"[" + b",".join([number] * 100) + b"]")

    message = f"body: over the limit of {MOST_LONG_NUMBERS} long numbers"
    assert (caught.value.status, caught.value.message) == (400, message)


def test_a_small_text_is_not_looked_at() -> None:
    """A small text is not counted, because it has no room for too many values."""
    check_work(b"[" + b"0," * (COUNTED_FROM_BYTES // 2 - 2) + b"0]")


TEXTS = st.text(st.sampled_from('a"\\,:[{}]é\n'), max_size=20)
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(TEXTS, inner, max_size=6),
    max_leaves=40,
)


@given(VALUES, st.booleans(), st.integers(1, 7))
def test_the_count_is_exact(value: Any, ensure_ascii: bool, piece_bytes: int) -> None:
    """All values but the first are counted, however the text is cut into pieces."""
    body = json.dumps(value, ensure_ascii=ensure_ascii).encode()
    pieces = (body[at : at + piece_bytes] for at in range(0, len(body), piece_bytes))

    counted = sum(_separators(outside) for outside, _ in _outside_texts(pieces))

    empty = body.count(b"[]") + body.count(b"{}")
    assert (
        values_in(value) - 1 <= counted <= values_in(value) - 1 + empty
    )  # their brackets count, too
