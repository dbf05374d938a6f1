"""The owner of background tasks, and what becomes of loops that fail."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from pool.tasks import GIVE_UP_ROUNDS, LoopReturnedError, Supervisor, Tasks, give_up_all
from tests.reports import Reports


@pytest.fixture
def reports() -> Reports:
    """What the supervisor hears."""
    return Reports()


@pytest.fixture
def supervisor(reports: Reports) -> Supervisor:
    """A supervisor that lets loops run again soon."""
    return Supervisor(reports, first_pause_s=0.001, longest_pause_s=0.004)


@pytest.fixture
def tasks(supervisor: Supervisor) -> Tasks:
    """The tasks of one owner."""
    return Tasks(supervisor)


async def _fail(error: BaseException) -> None:
    raise error


def _failing_once(error: Exception, works: asyncio.Event) -> Callable[[], Awaitable[None]]:
    """The body of a loop that fails at its first call, and sets `works` at the second."""
    errors = [error]

    async def body() -> None:
        if errors:
            raise errors.pop()
        works.set()
        await asyncio.Event().wait()

    return body


async def test_a_task_that_ends_with_an_error_is_reported_by_its_name(
    tasks: Tasks, reports: Reports
) -> None:
    """Nothing in the background dies unseen."""
    error = ValueError("a bug")

    tasks.start(_fail(error), "the name")
    await tasks.finish()

    assert (reports.names, reports.errors) == (["the name"], [error])


async def test_an_error_that_is_expected_is_for_who_awaits_the_task(
    tasks: Tasks, reports: Reports
) -> None:
    """The awaiting caller gets the error; the supervisor is not told of it as well."""
    task = tasks.start(_fail(ValueError("foreseen")), "probe", expected=ValueError)

    with pytest.raises(ValueError, match="foreseen"):
        await task

    assert reports.names == []


async def test_a_task_that_is_cancelled_is_not_reported(tasks: Tasks, reports: Reports) -> None:
    """A cancelled task is not reported, because cancellation is a normal end."""
    tasks.start(asyncio.Event().wait(), "waits")

    await tasks.cancel()

    assert (len(tasks), reports.names) == (0, [])


async def test_finish_waits_for_tasks_that_are_begun_meanwhile(tasks: Tasks) -> None:
    """A task that starts another before it ends leaves none behind."""
    done: list[str] = []

    async def second() -> None:
        await asyncio.sleep(0)
        done.append("second")

    async def first() -> None:
        tasks.start(second(), "second")
        done.append("first")

    tasks.start(first(), "first")
    await tasks.finish()

    assert done == ["first", "second"]


async def test_a_loop_that_fails_is_reported_and_runs_again(
    tasks: Tasks, supervisor: Supervisor, reports: Reports
) -> None:
    """The loop goes on after a pause; its status tells of the failure, and that it runs."""
    works = asyncio.Event()

    tasks.loop(_failing_once(RuntimeError("once"), works), "upkeep")
    await works.wait()

    status = supervisor.loops["upkeep"]
    assert (status.is_running, status.failures, status.last_error) == (True, 1, "once")
    assert reports.names == ["upkeep"]
    await tasks.cancel()


async def test_a_loop_that_waits_to_run_again_says_so(
    tasks: Tasks, supervisor: Supervisor, reports: Reports
) -> None:
    """Between a failure and the next attempt the status is not running."""
    supervisor = Supervisor(reports, first_pause_s=100)
    tasks = Tasks(supervisor)

    tasks.loop(lambda: _fail(RuntimeError("always")), "upkeep")
    await reports.came.wait()

    assert not supervisor.loops["upkeep"].is_running
    await tasks.cancel()


async def test_a_loop_that_returns_has_failed(
    tasks: Tasks, supervisor: Supervisor, reports: Reports
) -> None:
    """A loop that returns has failed, is reported, and begins again."""

    async def returns() -> None:
        return

    tasks.loop(returns, "upkeep")
    await reports.came.wait()

    assert isinstance(reports.errors[0], LoopReturnedError)
    await tasks.cancel()


async def test_a_cancelled_loop_is_no_longer_in_the_status(
    tasks: Tasks, supervisor: Supervisor
) -> None:
    """A loop that was closed on purpose is no longer in the status."""

    async def waits() -> None:
        await asyncio.Event().wait()

    tasks.loop(waits, "upkeep")
    await asyncio.sleep(0)
    assert "upkeep" in supervisor.loops

    await tasks.cancel()

    assert supervisor.loops == {}


def test_at_the_end_of_the_process_no_task_is_left() -> None:
    """A task that is cancelled, and begins another one and waits for it, is cancelled again."""
    given_up: list[str] = []

    async def hang(name: str) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            given_up.append(name)
            raise

    async def begin_another_when_cancelled() -> None:
        try:
            await hang("first")
        except asyncio.CancelledError:
            await asyncio.shield(asyncio.create_task(hang("second")))

    async def main() -> int:
        task = asyncio.create_task(begin_another_when_cancelled())
        await asyncio.sleep(0)
        await give_up_all()
        assert task.done()
        return len(asyncio.all_tasks())

    assert asyncio.run(main()) == 1
    assert given_up == ["first", "second"]


def test_a_task_that_refuses_to_end_does_not_keep_the_process() -> None:
    """A task that refuses to end is cancelled a few times, and then left to the end of the loop."""
    refused = 0

    async def refuse() -> None:
        nonlocal refused
        while refused < GIVE_UP_ROUNDS:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                refused += 1
        await asyncio.Event().wait()

    async def main() -> int:
        task = asyncio.create_task(refuse())
        await asyncio.sleep(0)
        await give_up_all()
        return int(task.done())

    assert asyncio.run(main()) == 0
    assert refused == GIVE_UP_ROUNDS
