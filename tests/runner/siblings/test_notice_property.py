"""Bytes in a notice's place: a notice, or an error that says which field is wrong."""

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.siblings.notice import MalformedNoticeError, RefillNotice, is_signed, parse, sign
from tests.examples import examples

pytestmark = pytest.mark.fuzz

EXAMPLES = settings(max_examples=examples(300))
GOOD: dict[str, Any] = {
    "version": 1, "replica": "sibling", "image": "gcc:1", "takes": 1, "told": 2, "take_rate": 0.1,
    "fill_rate": 0.05, "warm": 2, "target": 3, "sequence": 1, "sent_at": time.time(),
}  # fmt: skip
VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())


def parsed(body: bytes) -> RefillNotice | None:
    """The notice, if it is one. Nothing but MalformedNoticeError is ever raised."""
    try:
        return parse(body)
    except MalformedNoticeError:
        return None


@EXAMPLES
@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    """Any bytes are refused with a reason."""
    assert parsed(body) is None


@EXAMPLES
@given(st.dictionaries(st.sampled_from(sorted(GOOD)), VALUES, max_size=4), st.text())
def test_any_fields(changes: dict[str, Any], more: str) -> None:
    """A notice with odd fields is refused, or what it says is within its bounds."""
    notice = parsed(json.dumps({**GOOD, **changes, f"x{more}": 1}).encode())

    if notice is not None:
        assert 1 <= notice.takes <= 1000
        assert 1 <= notice.told <= 1000
        assert 0 <= notice.sequence < 2**63
        assert 1 <= len(notice.replica) <= 200
        assert all(value >= 0 for value in (notice.warm, notice.target, notice.take_rate))


# What a header's bytes are read as: those that are no UTF-8 become halves of surrogate pairs.
HEADERS = st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape"))


@EXAMPLES
@given(st.text(min_size=1), st.binary(), HEADERS, st.binary(min_size=1))
def test_any_signature(secret: str, body: bytes, signature: str, more: bytes) -> None:
    """Only the signature of these very bytes is one, and odd characters in its place do no harm."""
    good = sign(secret, body)

    assert is_signed(secret, body, good)
    assert not is_signed(secret, body + more, good)
    assert is_signed(secret, body, signature) == (signature == good)
