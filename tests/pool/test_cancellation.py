"""A caller may be cancelled at any await: afterwards the books are whole."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pool import EngineError, ImagePool, Pools, PoolSettings, Sizes, Supervisor
from tests.examples import examples
from tests.fakes import FakeContainers

from .conftest import SPEC, Clock, MakePool, settle

TARGET = 2


def assert_whole(pool: ImagePool, engine: FakeContainers) -> None:
    """Nothing is leased or on its way, all is warm, and the engine has the same containers."""
    assert (pool.leased, pool.starting, pool.warm) == (0, 0, TARGET), repr(pool)
    assert all(pool.holds(one) for one in engine.present)
    assert len(engine.living) == len(engine.present) == TARGET


async def a_run(pool: ImagePool) -> None:
    """A run that takes a few turns."""
    async with pool.lease():
        for _turn in range(4):
            await asyncio.sleep(0)


@pytest.mark.parametrize("warm_before", [True, False])
async def test_cancelled_at_any_step(
    make_pool: MakePool, engine: FakeContainers, warm_before: bool
) -> None:
    """Cancelled after n turns, for every n up to the end of the run, the pool is whole again."""
    for turns in count():
        pool = make_pool(TARGET)
        if warm_before:
            pool.refill_soon()
            await settle()
        task = asyncio.create_task(a_run(pool))
        for _turn in range(turns):
            await asyncio.sleep(0)
        over = task.done()

        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        pool.refill_soon()
        await settle()

        assert_whole(pool, engine)
        await pool.close("next")
        if over:
            break
    assert turns > 4


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("turns", range(-3, 4))
async def test_cancelled_while_its_start_is_ending(
    make_pool: MakePool, engine: FakeContainers, clock: Clock, turns: int, fails: bool
) -> None:
    """Cancelled so many turns before or after the end of its start, nothing is lost."""
    engine.hold()
    pool = make_pool(TARGET)
    task = asyncio.create_task(a_run(pool))
    await settle()

    def end_start() -> None:
        if fails:
            engine.refuse(EngineError("start", "a bad moment", status=500))
        else:
            engine.finish()

    first, second = (task.cancel, end_start) if turns < 0 else (end_start, task.cancel)
    first()
    for _turn in range(abs(turns)):
        await asyncio.sleep(0)
    second()
    with suppress(asyncio.CancelledError, EngineError):
        await task
    await settle()
    engine.release()
    clock.advance(60)  # past any pause
    pool.refill_soon()
    await settle()

    assert_whole(pool, engine)


async def test_a_time_limit_ends_the_wait(make_pool: MakePool, engine: FakeContainers) -> None:
    """A caller with a deadline gets its TimeoutError, and what was begun for it is kept."""
    engine.hold()
    pool = make_pool(TARGET)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), pool.lease():
            pass
    engine.release()
    pool.refill_soon()
    await settle()

    assert_whole(pool, engine)


async def test_all_waiters_cancelled_in_one_tick(
    make_pool: MakePool, engine: FakeContainers
) -> None:
    """However many are answered and cancelled together, every container is warm at the end."""
    engine.hold()
    pool = make_pool(TARGET)
    tasks = [asyncio.create_task(a_run(pool)) for _ in range(10)]
    await settle()
    engine.release()
    while not pool.leased:  # noqa: ASYNC110 - the very tick in which they are answered
        await asyncio.sleep(0)

    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await settle()

    assert_whole(pool, engine)


Act = st.sampled_from(["take", "take", "cancel", "turn", "finish", "refuse", "kill", "refill"])


@settings(max_examples=examples(150))
@given(acts=st.lists(st.tuples(Act, st.integers(0, 5)), max_size=40))
def test_whole_after_any_storm(acts: list[tuple[str, int]]) -> None:
    """Takes, cancellations, deaths and failures in any order leave the pool as it was."""

    async def storm() -> None:
        engine, clock, bugs = FakeContainers(), Clock(), list[BaseException]()
        engine.hold()
        pools = Pools(
            engine,
            PoolSettings(sizes=Sizes(TARGET, TARGET, 0)),
            supervisor=Supervisor(lambda _name, error: bugs.append(error)),
            now_s=clock,
        )
        pools.warm_up(SPEC)
        pool = pools.by_image[SPEC.image]
        tasks: list[asyncio.Task[None]] = []
        for act, number in acts:
            await _do(act, number, pool, engine, tasks)
        engine.release()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await settle()
        clock.advance(60)  # past any pause
        pool.refill_soon()
        await settle()

        assert_whole(pool, engine)
        await pools.close()
        assert not engine.present
        assert not bugs

    asyncio.run(storm())


async def _do(
    act: str, number: int, pool: ImagePool, engine: FakeContainers, tasks: list[asyncio.Task[None]]
) -> None:
    def refuse() -> None:
        if engine.held:
            engine.refuse(EngineError("start", "a bad moment", status=500))

    def kill() -> None:
        if engine.living:
            engine.kill(sorted(engine.living)[0])

    acts: dict[str, Callable[[], object]] = {
        "take": lambda: tasks.append(asyncio.create_task(a_run(pool))),
        "cancel": lambda: tasks and tasks[number % len(tasks)].cancel(),
        "finish": engine.finish,
        "refuse": refuse,
        "kill": kill,
        "refill": pool.refill_soon,
        "turn": lambda: None,
    }
    acts[act]()
    for _turn in range(number if act == "turn" else 0):
        await asyncio.sleep(0)
