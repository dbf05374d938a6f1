"""Whatever happens, in whatever order: no container is lost and none is handed out twice."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pool import EngineError, ImagePool, Lease, PoolClosedError, PoolSettings, Sizes
from pool.workers import Workers

from .conftest import Clock, lone_pool, settle
from .fake_engine import FakeEngine

TARGET = 3


class Caller:
    """A run that holds its container until it is told to end."""

    def __init__(self, pool: ImagePool) -> None:
        self.lease: Lease | None = None
        self.refused: Exception | None = None
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(pool))

    async def _run(self, pool: ImagePool) -> None:
        try:
            async with pool.lease() as lease:
                self.lease = lease
                try:
                    await self._end.wait()
                finally:
                    self.lease = None
        except (EngineError, PoolClosedError) as error:
            self.refused = error

    def end(self) -> None:
        self._end.set()


class PoolMachine(RuleBasedStateMachine):
    """One image's pool on an engine whose every start waits for a rule."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = FakeEngine()
        self.engine.hold()
        self.clock = Clock()
        self.bugs: list[BaseException] = []
        self.callers: list[Caller] = []
        self.go(self._open())

    async def _open(self) -> None:
        self.workers = Workers(2, self.bugs.append)
        settings = PoolSettings(sizes=Sizes(TARGET, TARGET, 0))
        self.pool = lone_pool(self.engine, self.workers, settings, self.clock)

    def go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it in the machine's own loop."""
        self.loop.run_until_complete(coroutine)

    # What callers do

    @rule()
    def take(self) -> None:
        async def act() -> None:
            self.callers.append(Caller(self.pool))

        self.go(act())

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def end_a_run(self, data: st.DataObject) -> None:
        async def act() -> None:
            data.draw(st.sampled_from(self.callers)).end()

        self.go(act())

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        async def act() -> None:
            data.draw(st.sampled_from(self.callers)).task.cancel()

        self.go(act())

    # What the engine does

    @rule(count=st.integers(1, 3))
    def starts_succeed(self, count: int) -> None:
        async def act() -> None:
            self.engine.let_go(count)

        self.go(act())

    @precondition(lambda self: self.engine.held)
    @rule()
    def a_start_fails(self) -> None:
        async def act() -> None:
            if self.engine.held:
                self.engine.refuse(EngineError("start", "no"))

        self.go(act())

    @precondition(lambda self: self.engine.living)
    @rule(data=st.data())
    def a_container_dies(self, data: st.DataObject) -> None:
        victim = data.draw(st.sampled_from(sorted(self.engine.living)))

        async def act() -> None:
            if victim in self.engine.living:  # the loop's first turn may have removed it
                self.engine.kill(victim)

        self.go(act())

    # What time does

    @rule()
    def fill(self) -> None:
        async def act() -> None:
            self.pool.fill()

        self.go(act())

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(turns=st.integers(1, 5))
    def the_loop_goes_round(self, turns: int) -> None:
        async def act() -> None:
            for _turn in range(turns):
                await asyncio.sleep(0)

        self.go(act())

    @rule()
    def all_settles(self) -> None:
        self.go(settle())

        # Nothing that was answered is still asleep, so the books can be compared with the world.
        held = [caller.lease.container_id for caller in self.callers if caller.lease]
        assert self.pool.leased == len(held)
        assert all(self.pool.holds(one) for one in self.engine.present)
        assert self.pool.warm <= TARGET
        # Who still waits, waits for something.
        waiting = [one for one in self.callers if not one.task.done() and one.lease is None]
        assert self.engine.held or not waiting

    # What always holds

    @invariant()
    def no_container_is_handed_out_twice(self) -> None:
        held = [caller.lease.container_id for caller in self.callers if caller.lease]
        assert len(held) == len(set(held))

    @invariant()
    def no_bug_was_heard_of(self) -> None:
        assert not self.bugs

    @invariant()
    def the_engine_is_not_flooded(self) -> None:
        assert self.engine.held <= 2 + len(self.callers)

    def teardown(self) -> None:
        async def act() -> None:
            self.engine.release()
            for caller in self.callers:
                caller.task.cancel()
            await asyncio.gather(*(caller.task for caller in self.callers), return_exceptions=True)
            await settle()
            self.clock.advance(70)  # past any pause
            self.pool.fill()
            await settle()
            assert (self.pool.warm, self.pool.leased, self.pool.starting) == (TARGET, 0, 0)
            assert len(self.engine.present) == TARGET
            await self.pool.close("over")
            await self.workers.close(1)
            assert not self.engine.present
            assert self.workers.idle

        self.go(act())
        self.loop.close()


class TestPool(PoolMachine.TestCase):  # type: ignore[name-defined,misc]
    """The rules above, in any order."""

    settings = settings(deadline=None, max_examples=100, stateful_step_count=40)
