"""Work in threads: one piece at a time, as many as there are CPUs, or in a thread of its own."""

import asyncio
import os
import threading

import pytest

from runner.threads import aside, beside, in_turn


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


async def test_so_many_work_beside_each_other_as_there_are_cpus() -> None:
    """More work than that waits, and work of a caller that was cancelled meanwhile never begins."""
    cpus = os.cpu_count() or 1
    may_go_on = threading.Event()
    all_at_work = threading.Barrier(cpus + 1)
    begun: list[str] = []

    def work() -> bool:
        all_at_work.wait(20)
        return may_go_on.wait(20)

    working = [asyncio.create_task(beside(work)) for _ in range(cpus)]
    waiting = asyncio.create_task(beside(begun.append, "cancelled"))
    await asyncio.to_thread(all_at_work.wait, 20)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    may_go_on.set()

    assert await asyncio.gather(*working) == [True] * cpus
    await beside(begun.append, "next")
    assert begun == ["next"]


def test_what_never_ends_does_not_hold_up_the_loops_end() -> None:
    """Work that is done aside keeps neither its caller's deadline nor the end of the loop."""
    go_on = threading.Event()

    async def waits() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await aside(go_on.wait)

    ends = threading.Thread(target=asyncio.run, args=(waits(),), daemon=True)
    ends.start()
    ends.join(20)
    has_ended = not ends.is_alive()
    go_on.set()

    assert has_ended


async def test_work_aside_returns_its_result_or_raises_its_error() -> None:
    """The work is done in a thread that does not keep the process from its end."""

    def fails() -> None:
        raise OSError("no")

    assert await aside(lambda: threading.current_thread().daemon)
    with pytest.raises(OSError, match="no"):
        await aside(fails)
