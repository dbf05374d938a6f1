"""Records of the launcher, as one run sees them."""

import asyncio

import pytest

from runner.cells.stream import CellStream
from tests.fakes import FakeStream
from tests.fakes.launcher import record

READY = record(b"R")


def talk(*said: bytes, ended: bool = False) -> CellStream:
    """A conversation with a container that has said this."""
    stream = FakeStream("one")
    for data in said:
        stream.say(data)
    if ended:
        stream.end()
    return CellStream(stream)


async def test_an_answer_comes_in_pieces() -> None:
    """The pieces in the records are the answer, not the records themselves."""
    cell = talk(record(b"A", b"one ") + record(b"A", b"two")[:6])

    assert await cell.read() == b"one "


async def test_what_comes_after_the_answer_is_kept() -> None:
    """The last piece, the end and the next cell may come at once, and none of them is lost."""
    cell = talk(record(b"A", b"all") + READY)

    assert await cell.read() == b"all"
    assert await cell.next_cell() == ""


async def test_the_next_cell_is_waited_for() -> None:
    """The next cell is waited for as long as its caller likes."""
    stream = FakeStream("one")
    cell = CellStream(stream)
    stream.say(record(b"A", b"all"))
    await cell.read()
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
        (b"", True, "the container ended"),
        (b"?\0\0\0\0", False, "not the launcher's words"),
        (READY + READY, False, "not the launcher's words"),
        (READY + record(b"A", b"more"), False, "not the launcher's words"),
    ],
)
async def test_unfit(said: bytes, ended: bool, reason: str) -> None:
    """Of an unfit container there is no more answer and no next cell; details make no
    new reason.
    """
    cell = talk(said, ended=ended)

    assert await cell.next_cell() == reason
    assert await cell.read() == b""


async def test_unfit_after_an_answer() -> None:
    """An answer that came before the container was unfit is the learner's all the same."""
    cell = talk(record(b"A", b"all") + record(b"X", b"the run timed out"))

    assert await cell.read() == b"all"
    assert await cell.next_cell() == "the run timed out"
