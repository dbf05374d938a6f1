"""Work in a thread: one at a time."""

import asyncio
import threading

import pytest

from runner.threads import in_turn


async def test_one_works_at_a_time() -> None:
    """The work of several callers is done in their order, and each gets its result or error."""
    busy = threading.Lock()
    order: list[int] = []

    def work(number: int, *, fails: bool = False) -> int:
        assert busy.acquire(blocking=False)
        order.append(number)
        busy.release()
        if fails:
            raise LookupError(number)
        return number * 2

    results = await asyncio.gather(*(in_turn(work, number) for number in range(5)))
    with pytest.raises(LookupError):
        await in_turn(work, 5, fails=True)

    assert (results, order) == ([0, 2, 4, 6, 8], [0, 1, 2, 3, 4, 5])


async def test_who_is_cancelled_before_his_turn_costs_nothing() -> None:
    """The work of a caller that was cancelled before is never begun."""
    may_go_on = threading.Event()
    begun: list[str] = []
    first = asyncio.create_task(in_turn(may_go_on.wait, 20))
    second = asyncio.create_task(in_turn(begun.append, "second"))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    may_go_on.set()

    assert await first
    await in_turn(begun.append, "third")
    assert begun == ["third"]
