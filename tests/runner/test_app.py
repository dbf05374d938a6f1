"""How the daemon waits while it stops."""

import asyncio
from contextlib import suppress

import pytest

from runner.app import _until_either


async def test_the_work_is_given_up_when_the_event_comes() -> None:
    """A second signal ends the wait, and the work is cancelled and has ended."""
    event, ends = asyncio.Event(), list[str]()

    async def work() -> None:
        event.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    await _until_either(work(), event)

    assert ends == ["cancelled"]


async def test_the_wait_ends_with_the_work() -> None:
    """Without a second signal the wait ends when the work is done, and leaves no task behind."""
    before = asyncio.all_tasks()

    await _until_either(asyncio.sleep(0), asyncio.Event())

    assert asyncio.all_tasks() == before


async def test_an_error_of_the_work_is_raised() -> None:
    """What fails while the daemon stops is not lost."""

    async def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await _until_either(fail(), asyncio.Event())


async def test_a_wait_that_is_cancelled_cancels_the_work() -> None:
    """The work does not go on without the daemon that waits for it."""
    begun, ends = asyncio.Event(), list[str]()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("cancelled")

    waiting = asyncio.create_task(_until_either(work(), asyncio.Event()))
    await begun.wait()
    waiting.cancel()
    with suppress(asyncio.CancelledError):
        await waiting

    assert ends == ["cancelled"]
