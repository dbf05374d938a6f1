"""The stream in memory, from its two ends."""

import pytest

from pool import EngineError
from tests.fakes import FakeStream


async def test_a_stream_tells_of_its_end_once() -> None:
    """A listener hears of the end once, and at once if the stream has ended already."""
    ends: list[str] = []
    early, late = FakeStream("early"), FakeStream("late")
    early.on_end(lambda: ends.append("early"))
    early.end()
    early.end()
    late.end()
    late.on_end(lambda: ends.append("late"))

    assert ends == ["early", "late"]
    assert await early.read() == b""
    with pytest.raises(EngineError, match="the container has ended"):
        await early.write(b"x")


async def test_what_was_said_before_the_end_is_read() -> None:
    """The next reader gets all that was said before the end, and then the end."""
    stream = FakeStream("x")
    stream.say(b"a")
    stream.say(b"b")
    stream.end()
    stream.say(b"too late")

    assert [await stream.read(), await stream.read()] == [b"ab", b""]


async def test_closing_a_stream_ends_the_programs_input() -> None:
    """A program whose stream is closed reads what was written, and then the end of its stdin."""
    stream = FakeStream("x")
    await stream.write(b"last words")
    await stream.close()

    assert await stream.stdin.read() == b"last words"
    assert stream.closed


async def test_closing_a_stream_can_fail() -> None:
    """Closing raises the error that the test has set, and the stream is closed all the same."""
    stream = FakeStream("x")
    stream.close_error = EngineError("attach", "broken")

    with pytest.raises(EngineError, match="broken"):
        await stream.close()

    assert stream.closed


def test_a_stream_needs_no_loop_until_it_is_used() -> None:
    """Tests of decisions, which have no event loop, can make a stream and end it."""
    stream = FakeStream()
    stream.end()

    assert stream.ended
