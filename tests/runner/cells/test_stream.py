"""Records of the launcher, as one run sees them."""

import asyncio

import pytest

from runner.cells.stream import CellStream
from tests.fakes import FakeStream
from tests.fakes.launcher import record

READY, DONE, TIMED_OUT = record(b"R"), record(b"D"), record(b"T")


def piece(data: bytes) -> bytes:
    """A record that is a piece of an answer."""
    return record(b"A", data)


def talk(*said: bytes, ended: bool = False, largest_bytes: int = 1000) -> CellStream:
    """A talk with a container that has said this."""
    stream = FakeStream("one")
    for data in said:
        stream.say(data)
    if ended:
        stream.end()
    return CellStream(stream, largest_bytes)


async def test_an_answer_is_all_of_its_pieces() -> None:
    """The answer is whole once the launcher says so, and not before."""
    stream = FakeStream("one")
    cell = CellStream(stream)
    stream.say(piece(b"one ") + piece(b"two")[:6])
    assert await cell.receive()
    assert (cell.is_complete, cell.archives()) == (False, b"one ")

    stream.say(piece(b"two")[6:] + DONE)

    assert await cell.receive()
    assert (cell.is_complete, cell.timed_out, cell.archives()) == (True, False, b"one two")


async def test_an_answer_tells_of_a_time_out() -> None:
    """A record of another kind ends the answer of a run that was ended."""
    cell = talk(piece(b"all") + TIMED_OUT)

    assert await cell.receive()
    assert (cell.is_complete, cell.timed_out, cell.archives()) == (True, True, b"all")


async def test_no_content_ends_an_answer() -> None:
    """A learner's file that looks like a record, or like a line of a frame, is content."""
    content = DONE + b"0123456789abcdef done\n"
    cell = talk(piece(content))

    assert await cell.receive()
    assert (cell.is_complete, cell.archives()) == (False, content)


async def test_an_answer_has_a_limit() -> None:
    """Past the limit, reading on is no use; exactly the limit is not past it."""
    at, past = talk(piece(b"x" * 1000)), talk(piece(b"x" * 1001))
    await at.receive()
    await past.receive()

    assert (at.is_too_large, past.is_too_large) == (False, True)


async def test_what_comes_after_the_answer_is_kept() -> None:
    """The last piece, the end and the next cell may come at once."""
    cell = talk(piece(b"all") + DONE + READY)

    assert await cell.receive()
    assert cell.archives() == b"all"
    assert await cell.next_cell() == ""


async def test_the_next_cell_is_waited_for() -> None:
    """The next cell is waited for as long as its caller likes."""
    stream = FakeStream("one")
    cell = CellStream(stream)
    stream.say(piece(b"all") + DONE)
    await cell.receive()
    waiting = asyncio.create_task(cell.next_cell())
    await asyncio.sleep(0)
    assert not waiting.done()
    stream.say(READY)

    assert await waiting == ""


@pytest.mark.parametrize(
    ("said", "ended", "reason"),
    [
        (record(b"X", b"the answer has no end (137)"), False, "the answer has no end"),
        (record(b"X", b"out of memory"), True, "out of memory"),
        (piece(b"torn"), True, "the container ended"),
        (b"", True, "the container ended"),
        (b"?\0\0\0\0", False, "not the launcher's words"),
        (READY, False, "not the launcher's words"),
        (piece(b"half") + READY, False, "not the launcher's words"),
    ],
)
async def test_unfit_without_an_answer(said: bytes, ended: bool, reason: str) -> None:
    """After an unfit record without an answer there is no next cell. Details make no new reason."""
    cell = talk(said, ended=ended)
    while await cell.receive():
        pass

    assert not cell.is_complete
    assert await cell.next_cell() == reason


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (record(b"X", b"the run timed out"), "the run timed out"),
        (piece(b"more"), "not the launcher's words"),
        (DONE, "not the launcher's words"),
        (TIMED_OUT, "not the launcher's words"),
        (READY + READY, "not the launcher's words"),
        (READY + piece(b"more"), "not the launcher's words"),
    ],
)
async def test_unfit_after_an_answer(said: bytes, reason: str) -> None:
    """The answer counts all the same, to the byte; the container serves no further run."""
    cell = talk(piece(b"all") + DONE + said)

    assert await cell.receive()
    assert await cell.next_cell() == reason
    assert (cell.is_complete, cell.timed_out, cell.archives()) == (True, False, b"all")
