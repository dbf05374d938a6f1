"""First come, first served, within bounds."""

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.run.admission import Admission, BusyError


def _soon() -> Callable[[], float]:
    return _in(60)


def _in(seconds: float) -> Callable[[], float]:
    until_s = asyncio.get_running_loop().time() + seconds
    return lambda: until_s


async def _settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_as_many_as_there_are_places_run_at_once() -> None:
    """A run that finds a place does not wait."""
    admission = Admission(places=2, queue=0)

    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(admission.turn(_soon()))

        assert (admission.running, admission.waiting) == (2, 0)

    assert admission.running == 0


async def test_those_who_wait_are_served_in_the_order_they_came() -> None:
    """A place that becomes free goes to the first in the queue."""
    admission = Admission(places=1, queue=10)
    served: list[int] = []

    async def wait(number: int) -> None:
        async with admission.turn(_soon()):
            served.append(number)

    async with admission.turn(_soon()):
        tasks = [asyncio.create_task(wait(number)) for number in range(5)]
        await _settle()
        assert (admission.waiting, served) == (5, [])

    await asyncio.gather(*tasks)

    assert served == [0, 1, 2, 3, 4]


async def test_a_full_queue_refuses_at_once() -> None:
    """The refusal carries the counts, and those who wait keep their places."""
    admission = Admission(places=1, queue=1)
    async with admission.turn(_soon()):
        waiting = asyncio.create_task(admission.turn(_soon()).__aenter__())
        await _settle()

        with pytest.raises(BusyError) as refusal:
            await admission.turn(_soon()).__aenter__()

        assert (refusal.value.running, refusal.value.waiting) == (1, 1)
        assert not waiting.done()

    await waiting
    assert admission.refused == 1


async def test_waiting_has_a_deadline() -> None:
    """No run waits for a place past its deadline, and the place is there for the next run."""
    admission = Admission(places=1, queue=1)
    async with admission.turn(_soon()):
        with pytest.raises(BusyError, match="no place became free"):
            await admission.turn(_in(0.01)).__aenter__()

    async with admission.turn(_soon()):
        assert admission.running == 1


async def test_a_deadline_may_become_later_while_one_waits() -> None:
    """A run keeps its place in the queue if its deadline, which seemed to be over,
    has become later.
    """
    admission = Admission(places=1, queue=5)
    now_s = asyncio.get_running_loop().time
    served: list[str] = []
    ends_s = {"first": now_s() + 0.05, "second": now_s() + 60}

    async def wait(name: str) -> None:
        async with admission.turn(lambda: ends_s[name]):
            served.append(name)

    async with admission.turn(_soon()):
        tasks = [asyncio.create_task(wait(name)) for name in ends_s]
        await _settle()
        ends_s["first"] += 60
        await asyncio.sleep(0.1)
        assert admission.waiting == 2
    await asyncio.gather(*tasks)

    assert served == ["first", "second"]


async def test_a_place_that_comes_when_the_deadline_has_become_earlier_is_left_to_others() -> None:
    """The deadline is asked for again when the place is there; the next one in the queue has it."""
    admission = Admission(places=1, queue=5)
    ends_s = asyncio.get_running_loop().time() + 60

    async def wait(until_s: Callable[[], float]) -> None:
        async with admission.turn(until_s):
            pass

    async with admission.turn(_soon()):
        late = asyncio.create_task(wait(lambda: ends_s))
        other = asyncio.create_task(wait(_soon()))
        await _settle()
        ends_s -= 61

    with pytest.raises(BusyError, match="no place became free in time"):
        await late
    await other
    assert (admission.running, admission.waiting, admission.refused) == (0, 0, 1)


async def test_one_who_is_cancelled_while_waiting_takes_no_place() -> None:
    """After any mix of cancellations all places are free again, and no run waits."""
    admission = Admission(places=1, queue=10)

    async def wait() -> None:
        async with admission.turn(_soon()):
            await asyncio.sleep(0)

    async with admission.turn(_soon()):
        tasks = [asyncio.create_task(wait()) for _ in range(6)]
        await _settle()
        for task in tasks[::2]:
            task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    async with admission.turn(_soon()):
        assert (admission.running, admission.waiting) == (1, 0)


async def test_a_full_queue_can_be_asked_beforehand() -> None:
    """A full queue refuses a run before its body is sent, and counts the refusal."""
    admission = Admission(places=1, queue=0)
    admission.check()
    async with admission.turn(_soon()):
        with pytest.raises(BusyError) as refused:
            admission.check()

        assert (refused.value.running, admission.refused) == (1, 1)

    admission.check()


Step = tuple[str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["come", "go", "cancel", "expire", "turn"]), st.integers(0, 9)),
    max_size=60,
)


@given(STEPS, st.integers(1, 3), st.integers(0, 4))
def test_no_cancellation_loses_a_place(steps: list[Step], places: int, queue: int) -> None:
    """Whenever runs are cancelled, also several in one turn of the loop, all places
    are free at the end.
    """
    asyncio.run(_storm(steps, places, queue))


async def _storm(steps: list[Step], places: int, queue: int) -> None:
    admission = Admission(places=places, queue=queue)
    runs: list[tuple[asyncio.Task[None], asyncio.Event, asyncio.Future[asyncio.Timeout]]] = []

    async def run(may_go: asyncio.Event, limit: asyncio.Future[asyncio.Timeout]) -> None:
        async with asyncio.timeout(None) as timeout:
            limit.set_result(timeout)
            async with admission.turn(_soon()):
                assert admission.running <= places
                await may_go.wait()

    def act(what: str, number: int) -> None:
        if what == "come":
            may_go = asyncio.Event()
            limit: asyncio.Future[asyncio.Timeout] = asyncio.get_running_loop().create_future()
            runs.append((asyncio.create_task(run(may_go, limit)), may_go, limit))
        elif runs:
            task, may_go, limit = runs[number % len(runs)]
            if what == "go":
                may_go.set()
            elif what == "cancel":
                task.cancel()
            elif limit.done() and not task.done() and not limit.result().expired():
                limit.result().reschedule(0)

    for what, number in steps:
        if what == "turn":
            await asyncio.sleep(0)
            assert admission.waiting <= queue + places
            assert admission.running <= places
        else:
            act(what, number)
    for _, may_go, _ in runs:
        may_go.set()
    ended = await asyncio.gather(*(task for task, _, _ in runs), return_exceptions=True)

    expected = (type(None), asyncio.CancelledError, TimeoutError, BusyError)
    assert all(isinstance(one, expected) for one in ended)
    assert (admission.running, admission.waiting) == (0, 0)
    admission.check()
    async with AsyncExitStack() as stack:
        for _ in range(places):
            await stack.enter_async_context(admission.turn(_soon()))
        assert admission.running == places
