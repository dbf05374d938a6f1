"""The form of the log's lines, for programs and for people."""

import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.operators.lines import Event, LineOf, as_coloured_text, as_json, as_text
from runner.operators.logs import line_for
from runner.settings import LogFormat

WHEN = datetime(2026, 11, 26, 8, 15, 49, 123456, tzinfo=UTC)
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = ["two\nlines\r", "\x1b[2J", "\x9b31m", "\x7f", "\u202egreen", "\u2028", "\ud800", "\x00"]


def event(message: str = "run ended", **fields: Any) -> Event:
    """An event of the log."""
    return Event(WHEN, "INFO", message, fields)


def test_text_is_key_and_value() -> None:
    """A line for people has time, level, message and fields; only odd values are quoted."""
    line = as_text(event(image="gcc:latest", take="hit", took_ms=2.5, reason='no "bash"', ok=None))

    assert line == (
        "2026-11-26T08:15:49.123+00:00 INFO    run ended"
        ' image=gcc:latest take=hit took_ms=2.5 reason="no \\"bash\\"" ok=null'
    )


def test_colours_add_nothing_but_colours() -> None:
    """Without its colours, a coloured line is the plain one."""
    one = event(image="gcc", reason="two words")

    assert COLOURS.search(as_coloured_text(one))
    assert COLOURS.sub("", as_coloured_text(one)) == as_text(one)


@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
@pytest.mark.parametrize("line_of", [as_json, as_text, as_coloured_text])
def test_what_a_terminal_obeys_is_escaped(line_of: LineOf, hostile: str) -> None:
    """No control character of a learner, of an image or of an engine reaches a terminal raw."""
    line = line_of(event(hostile, kata_id=hostile, **{hostile: {hostile: [hostile]}}))

    assert COLOURS.sub("", line).isprintable()


@given(st.text())
def test_any_text_is_one_printable_line(text: str) -> None:
    """Whatever the text, its line is printable; JSON keeps its meaning."""
    line = as_json(event(kata_id=text))

    assert line.isprintable()
    assert json.loads(line)["kata_id"] == text
    assert as_text(event(text, kata_id=text)).isprintable()


@pytest.mark.parametrize(
    ("wanted", "is_terminal", "may_colour", "line_of"),
    [
        (LogFormat.AUTO, True, True, as_coloured_text),
        (LogFormat.AUTO, True, False, as_text),
        (LogFormat.AUTO, False, True, as_json),
        (LogFormat.TEXT, False, True, as_text),
        (LogFormat.TEXT, True, True, as_coloured_text),
        (LogFormat.JSON, True, True, as_json),
    ],
)
def test_the_form_fits_the_reader(
    wanted: LogFormat, is_terminal: bool, may_colour: bool, line_of: LineOf
) -> None:
    """By default a terminal gets coloured text and everything else JSON; the setting decides."""
    assert line_for(wanted, is_terminal=is_terminal, may_colour=may_colour) is line_of
