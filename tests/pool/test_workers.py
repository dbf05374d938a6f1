"""Workers never lose a slot, whatever becomes of their jobs."""

import asyncio
import gc
from functools import partial

from hypothesis import given, settings
from hypothesis import strategies as st

from pool import Supervisor
from pool.workers import Workers
from tests.examples import examples
from tests.reports import Reports

from .conftest import settle, unheard_errors


async def test_runs_at_most_so_many_at_once() -> None:
    """No more jobs run together than there are workers, and all run in the end."""
    running, most, ran = 0, 0, 0
    workers = Workers(2, Supervisor(Reports()))

    async def job() -> None:
        nonlocal running, most, ran
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        ran += 1

    for _ in range(9):
        workers.submit(job, "job")
    await settle()

    assert (most, ran) == (2, 9)


async def test_runs_jobs_in_the_order_they_came() -> None:
    """Jobs run in the order in which they came."""
    order: list[int] = []
    workers = Workers(1, Supervisor(Reports()))

    async def note(number: int) -> None:
        await asyncio.sleep(0)
        order.append(number)

    for number in range(5):
        workers.submit(partial(note, number), "job")
    await settle()

    assert order == [0, 1, 2, 3, 4]


async def test_a_bug_in_a_job_is_heard_of() -> None:
    """The supervisor hears of an error that a job lets out, by the job's name."""
    reports = Reports()
    workers = Workers(1, Supervisor(reports))
    bug = ZeroDivisionError()

    async def job() -> None:
        raise bug

    workers.submit(job, "refill")
    await settle()

    assert (reports.names, reports.errors) == (["refill"], [bug])


async def test_what_waits_when_closed_is_not_run() -> None:
    """Closing lets what runs end, and starts nothing more."""
    ran: list[str] = []
    go_on = asyncio.Event()
    workers = Workers(1, Supervisor(Reports()))

    async def job(name: str) -> None:
        await go_on.wait()
        ran.append(name)

    workers.submit(lambda: job("running"), "job")
    workers.submit(lambda: job("waiting"), "job")
    await settle()
    closing = asyncio.create_task(workers.close(1))
    await settle()
    go_on.set()
    await closing

    assert ran == ["running"]


async def test_nothing_is_accepted_after_closing() -> None:
    """A job that comes too late is never begun."""
    ran: list[str] = []
    workers = Workers(1, Supervisor(Reports()))
    await workers.close(1)

    async def job() -> None:
        ran.append("late")

    workers.submit(job, "job")
    await settle()

    assert not ran
    assert workers.idle


async def test_closing_cancels_what_overstays() -> None:
    """A job that goes on past the limit is cancelled, and closing ends."""
    ended: list[str] = []
    workers = Workers(2, Supervisor(Reports()))

    async def job() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cancelled")

    workers.submit(job, "job")
    workers.submit(job, "job")
    workers.submit(job, "job")
    await settle()
    with unheard_errors() as heard:
        await workers.close(0.01)
        gc.collect()

    assert ended == ["cancelled", "cancelled"]
    assert workers.idle
    assert not heard


async def test_closing_twice_is_harmless() -> None:
    """The second close finds nothing to do."""
    workers = Workers(1, Supervisor(Reports()))

    await workers.close(1)
    await workers.close(1)

    assert workers.idle


Ending = st.sampled_from(["success", "error", "exit", "cancelled", "cancels itself"])


@settings(max_examples=examples(60))
@given(endings=st.lists(st.tuples(Ending, st.integers(0, 3)), max_size=12), size=st.integers(1, 3))
def test_no_slot_is_ever_lost(endings: list[tuple[str, int]], size: int) -> None:
    """After any mix of success, error and cancellation all is idle, and a fresh job runs."""

    async def scenario() -> None:
        workers = Workers(size, Supervisor(Reports()))
        fresh = asyncio.Event()

        async def job(ending: str, turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            match ending:
                case "error":
                    raise ZeroDivisionError
                case "exit":
                    raise BaseExceptionGroup("odd", [SystemExit()])
                case "cancelled":
                    raise asyncio.CancelledError
                case "cancels itself":
                    task = asyncio.current_task()
                    assert task is not None
                    task.cancel()
                    await asyncio.sleep(0)

        async def fresh_job() -> None:
            fresh.set()

        for ending, turns in endings:
            workers.submit(partial(job, ending, turns), "job")
        await settle()
        assert workers.idle

        workers.submit(fresh_job, "job")
        async with asyncio.timeout(1):
            await fresh.wait()
        await workers.close(1)

    asyncio.run(scenario())
