"""What becomes of a request whose client has left."""

import asyncio
from contextlib import suppress

import pytest

from runner.run.patience import ClientGoneError, Patience


async def settle() -> None:
    """Give everything that is due its turns."""
    for _ in range(10):
        await asyncio.sleep(0)


class Request:
    """A block inside a patience, as a task; `reached` counts the turns that it got."""

    def __init__(self, patience: Patience, *, runs: bool) -> None:
        self.reached = 0
        self.may_end = asyncio.Event()
        self.task = asyncio.create_task(self._serve(patience, runs))

    async def _serve(self, patience: Patience, runs: bool) -> str:
        async with patience:
            if runs:
                patience.runs()
            self.reached += 1
            await self.may_end.wait()
            self.reached += 1
        return "answer"


async def test_a_block_whose_client_stays_ends_by_itself() -> None:
    """The block is not cancelled, and its result is returned."""
    request = Request(Patience(0.0), runs=True)
    await settle()
    request.may_end.set()

    assert await request.task == "answer"


async def test_a_block_that_does_not_run_yet_ends_at_once() -> None:
    """A block whose run has not begun ends at once, however long a run might go on."""
    patience = Patience(1000.0)
    request = Request(patience, runs=False)
    await settle()
    patience.client_left()

    with pytest.raises(ClientGoneError):
        await request.task
    assert request.reached == 1


async def test_a_block_that_runs_goes_on_for_a_while() -> None:
    """A block that runs when its client leaves goes on for a while, or ends by itself before."""
    patiences = [Patience(0.3), Patience(1000.0)]
    first, second = (Request(patience, runs=True) for patience in patiences)
    await settle()
    for patience in patiences:
        patience.client_left()
    await settle()
    assert not first.task.done()
    second.may_end.set()

    with pytest.raises(ClientGoneError):
        await first.task
    assert await second.task == "answer"


async def test_a_block_may_run_to_its_end() -> None:
    """With None for the time, a block that runs when its client leaves goes on to its end."""
    patience = Patience(None)
    request = Request(patience, runs=True)
    await settle()
    patience.client_left()
    await settle()
    request.may_end.set()

    assert await request.task == "answer"


async def test_a_client_that_left_before_the_block_ends_it() -> None:
    """A client may leave while its request is still being read."""
    patience = Patience(1000.0)
    patience.client_left()
    request = Request(patience, runs=False)

    with pytest.raises(ClientGoneError):
        await request.task


async def test_a_client_that_leaves_after_the_block_does_no_harm() -> None:
    """A connection may end after its block, and then nothing happens."""
    patience = Patience()
    async with patience:
        pass
    patience.client_left()
    patience.client_left()
    await settle()

    assert patience.is_gone


async def test_a_cancellation_from_elsewhere_stays_one() -> None:
    """A service that stops is no client that left, even when both happen in one moment."""
    for both in (False, True):
        patience = Patience()
        request = Request(patience, runs=False)
        await settle()
        if both:
            patience.client_left()
        request.task.cancel()
        with suppress(ClientGoneError), pytest.raises(asyncio.CancelledError):
            await request.task

        assert request.task.done()


async def test_other_errors_pass_through() -> None:
    """A time-out inside of the block is none of the client's."""

    async def block() -> None:
        async with Patience(), asyncio.timeout(0):
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError):
        await block()
