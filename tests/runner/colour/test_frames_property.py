"""Whatever bytes come from an evaluator, the daemon reads answers or a ValueError, in bounds."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.colour.frames import Frames
from runner.colour.questions import Answer, BadPatternError, Colour, ColourFault

MIB = 1024 * 1024

ANSWERS = st.one_of(
    st.sampled_from([{"colour": colour.value} for colour in Colour]),
    st.fixed_dictionaries({"hidden": st.lists(st.integers(0, 20_000))}),
    st.fixed_dictionaries({"bad_pattern": st.integers(0, 100), "message": st.text(max_size=100)}),
    st.fixed_dictionaries(
        {name: st.text(max_size=100) for name in ("context", "class", "message")}
    ),
)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=9), st.just("red")
)
NAMES = st.sampled_from(["colour", "hidden", "bad_pattern", "context", "class", "message", "x"])
ANY_JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(NAMES, inner)),
    max_leaves=10,
)


def framed(number: int, said: Any) -> bytes:
    """The answer as traffic_light.rb writes it."""
    body = json.dumps(said).encode()
    return b"%d %d\n%s" % (number, len(body), body)


def read(pieces: list[bytes]) -> list[tuple[int, Answer]]:
    """What is read of bytes that come in these pieces. Raises ValueError."""
    frames = Frames()
    return [answer for piece in pieces for answer in frames.feed(piece)]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    places = sorted({place % (len(data) + 1) for place in at} | {0, len(data)})
    return [data[begin:end] for begin, end in pairwise(places)]


def plain(answer: Answer) -> Any:
    """The answer as a plain value."""
    match answer:
        case Colour():
            return {"colour": answer.value}
        case ColourFault():
            return {
                "context": answer.context,
                "class": answer.class_,
                "message": answer.message,
            }
        case BadPatternError():
            return {"bad_pattern": answer.index, "message": answer.message}
    return {"hidden": answer}


@given(
    said=st.lists(st.tuples(st.integers(0, 10**18 - 1), ANSWERS), max_size=5),
    at=st.lists(st.integers(0), max_size=8),
)
def test_what_was_said_is_read_however_it_is_cut(
    said: list[tuple[int, Any]], at: list[int]
) -> None:
    """Every answer comes once, whole, in order, and with its number."""
    data = b"".join(framed(number, answer) for number, answer in said)

    assert [(number, plain(answer)) for number, answer in read(cut(data, at))] == said


@given(pieces=st.lists(st.binary(max_size=200), max_size=8))
def test_any_bytes_are_answers_or_a_value_error(pieces: list[bytes]) -> None:
    """No bytes raise any other error."""
    try:
        answers = read(pieces)
    except ValueError:
        return
    assert all(isinstance(number, int) for number, _ in answers)


@given(said=ANY_JSON, body=st.binary(max_size=100))
def test_any_body_is_an_answer_or_a_value_error(said: Any, body: bytes) -> None:
    """Whatever JSON it is, or none; what is read has the types and ranges that are promised."""
    for data in (framed(1, said), b"1 %d\n%s" % (len(body), body)):
        try:
            [(_, answer)] = read([data])
        except ValueError:
            continue
        if isinstance(answer, list):
            assert all(type(index) is int and index >= 0 for index in answer)
        elif isinstance(answer, BadPatternError):
            assert type(answer.index) is int
            assert answer.index >= 0
        else:
            assert isinstance(answer, Colour | ColourFault)


@pytest.mark.parametrize(
    "data",
    [
        b"0" * 33,
        b"1 2097153\n",
        b"1 9999999\n",
        b"-1 2\n{}",
        b"1  2\n{}",
        b"1 2\r\n{}",
        b"\xd9\xa1 2\n{}",
        framed(1, {"hidden": [1_000_000]}),
        framed(1, {"hidden": [1.0]}),
        framed(1, {"colour": "red"})[:-1] + b",",
        b"1 %d\n" % MIB + b"[" * MIB,
        b"1 %d\n" % MIB + b"9" * MIB,
    ],
)
def test_what_no_evaluator_writes(data: bytes) -> None:
    """A frame without a header or an end, too large, too deep or with a long number is refused."""
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its words
        read([data])


def test_no_more_than_one_answer_is_held() -> None:
    """An answer of the greatest length is read to its end, and then it has to be a whole answer."""
    frames = Frames()
    assert list(frames.feed(b"1 2097152\n" + b"x" * MIB)) == []
    assert list(frames.feed(b"x" * (MIB - 1))) == []

    with pytest.raises(ValueError, match="Expecting value"):
        list(frames.feed(b"x"))
