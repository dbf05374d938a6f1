"""Whatever happens, in whatever order: no container is lost and none is handed out twice."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from pool import PoolSettings, Sizes
from pool.workers import Workers
from tests.examples import examples

from .conftest import lone_pool, settle
from .machine import Caller, Machine

TARGET = 3


class PoolMachine(Machine):
    """One image's pool on an engine whose every start waits for a rule."""

    most_runs = 1

    async def _open(self) -> None:
        self.resets: list[asyncio.Future[str]] = []
        self.workers = Workers(2, self.supervisor)
        settings = PoolSettings(sizes=Sizes(TARGET, TARGET, 0))
        self.pool = lone_pool(
            self.engine,
            self.workers,
            settings,
            self.supervisor,
            now_s=self.clock,
            most_runs=self.most_runs,
        )

    async def _reset(self) -> str:
        self.resets.append(asyncio.get_running_loop().create_future())
        return await self.resets[-1]

    def _end_reset(self, unfit: str) -> None:
        if self.resets and not (one := self.resets.pop(0)).done():
            one.set_result(unfit)

    # What callers do

    @rule()
    def take(self) -> None:
        """A caller asks for a container."""

        async def act() -> None:
            reset = self._reset if self.pool.reusable else None
            self.callers.append(Caller(self.pool.lease(), reset))

        self.go(act())

    # What time does

    @rule()
    def fill(self) -> None:
        """The pool is told to see what it lacks."""

        async def act() -> None:
            self.pool.refill_soon()

        self.go(act())

    @rule(seconds=st.sampled_from([0.5, 1.0, 3.0, 70.0]))
    def time_passes(self, seconds: float) -> None:
        """Pauses between failed starts end."""
        self.clock.advance(seconds)

    @rule(turns=st.integers(1, 5))
    def the_loop_goes_round(self, turns: int) -> None:
        """Some of what can happen without the test happens."""

        async def act() -> None:
            for _turn in range(turns):
                await asyncio.sleep(0)

        self.go(act())

    @rule()
    def all_settles(self) -> None:
        """When all that can happen has happened, the pool's books agree with the engine."""
        self.go(settle())

        # Nothing that was answered is still asleep, so the books can be compared with the world.
        held = [caller.lease.container_id for caller in self.callers if caller.lease]
        resetting = [one for one in self.resets if not one.done()]
        assert len(held) <= self.pool.leased <= len(held) + len(resetting)
        assert all(self.pool.holds(one) for one in self.engine.present)
        assert self.pool.warm <= TARGET
        # Who still waits, waits for something.
        waiting = [one for one in self.callers if not one.task.done() and one.lease is None]
        assert self.engine.held or resetting or not waiting

    # What always holds

    @invariant()
    def the_engine_is_not_flooded(self) -> None:
        """No more starts are under way than refills may be, and one for each caller."""
        assert self.engine.held <= 2 + len(self.callers)

    def teardown(self) -> None:
        """When all callers have gone the pool is full, and closing leaves nothing behind."""

        async def act() -> None:
            await self.end_all()
            while self.resets:
                self._end_reset("")
            await settle()
            self.pool.forgive()  # an image that could not start would wait for a caller
            await settle()
            assert (self.pool.warm, self.pool.leased, self.pool.starting) == (TARGET, 0, 0)
            assert len(self.engine.present) == TARGET
            await self.pool.close("over")
            await self.workers.close(1)
            assert not self.engine.present
            assert self.workers.idle

        self.go(act())
        self.loop.close()


class ResettingMachine(PoolMachine):
    """The same with reusable containers, for three runs at most."""

    most_runs = 3

    @rule(unfit=st.sampled_from(["", "", "left something behind"]))
    def a_reset_ends(self, unfit: str) -> None:
        """A container is warm again after a run, or is found unfit."""

        async def act() -> None:
            self._end_reset(unfit)

        self.go(act())

    @invariant()
    def no_container_serves_too_many_runs(self) -> None:
        """No container serves more runs than it may."""
        counts = self.pool.counts
        assert counts.runs_of_discarded <= self.most_runs * counts.discarded_after_runs


class TestPool(PoolMachine.TestCase):  # type: ignore[valid-type,misc]
    """The rules above, in any order."""

    settings = settings(max_examples=examples(100), stateful_step_count=40)


class TestResetting(ResettingMachine.TestCase):  # type: ignore[valid-type,misc]
    """The same, with reusable containers."""

    settings = settings(max_examples=examples(100), stateful_step_count=40)
