"""Whatever happens, in whatever order: no container is lost and none is handed out twice."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from pool import PoolSettings, Sizes
from pool.workers import Workers

from .conftest import lone_pool, settle
from .machine import Caller, Machine

TARGET = 3


class PoolMachine(Machine):
    """One image's pool on an engine whose every start waits for a rule."""

    uses = 1

    async def _open(self) -> None:
        self.on_their_way: list[asyncio.Future[str]] = []
        self.workers = Workers(2, self.bugs.append)
        settings = PoolSettings(sizes=Sizes(TARGET, TARGET, 0))
        self.pool = lone_pool(self.engine, self.workers, settings, self.clock, self.uses)

    async def _again(self) -> str:
        self.on_their_way.append(asyncio.get_running_loop().create_future())
        return await self.on_their_way[-1]

    def _return(self, unfit: str) -> None:
        if self.on_their_way and not (one := self.on_their_way.pop(0)).done():
            one.set_result(unfit)

    # What callers do

    @rule()
    def take(self) -> None:
        async def act() -> None:
            again = self._again if self.pool.comes_back else None
            self.callers.append(Caller(self.pool.lease(), again))

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
        returning = [one for one in self.on_their_way if not one.done()]
        assert len(held) <= self.pool.leased <= len(held) + len(returning)
        assert all(self.pool.holds(one) for one in self.engine.present)
        assert self.pool.warm <= TARGET
        # Who still waits, waits for something.
        waiting = [one for one in self.callers if not one.task.done() and one.lease is None]
        assert self.engine.held or returning or not waiting

    # What always holds

    @invariant()
    def the_engine_is_not_flooded(self) -> None:
        assert self.engine.held <= 2 + len(self.callers)

    def teardown(self) -> None:
        async def act() -> None:
            await self.end_all()
            while self.on_their_way:
                self._return("")
            await settle()
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


class ReturningMachine(PoolMachine):
    """The same with containers that come back, twice at most."""

    uses = 3

    @rule(unfit=st.sampled_from(["", "", "left something behind"]))
    def one_comes_back(self, unfit: str) -> None:
        async def act() -> None:
            self._return(unfit)

        self.go(act())

    @invariant()
    def none_is_used_too_often(self) -> None:
        counts = self.pool.counts
        assert counts.uses <= self.uses * counts.served


class TestPool(PoolMachine.TestCase):  # type: ignore[name-defined,misc]
    """The rules above, in any order."""

    settings = settings(deadline=None, max_examples=100, stateful_step_count=40)


class TestReturning(ReturningMachine.TestCase):  # type: ignore[name-defined,misc]
    """And those."""

    settings = settings(deadline=None, max_examples=100, stateful_step_count=40)
