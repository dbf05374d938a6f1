"""Several images on one host, in any order of events: the host's limit holds, nothing is lost."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pool import ContainerSpec, EngineError, Lease, PoolClosedError, Pools, PoolSettings, Sizes

from .conftest import SPEC, Clock, settle
from .fake_engine import FakeEngine

LIMIT = 5
MOST_OF_AN_IMAGE = 4
SPECS = [replace(SPEC, image=name, image_id=f"sha256:{name}") for name in ("a", "b", "c")]

specs = st.sampled_from(SPECS)


class Caller:
    """A run that holds its container until it is told to end."""

    def __init__(self, pools: Pools, spec: ContainerSpec) -> None:
        self.lease: Lease | None = None
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(pools, spec))

    async def _run(self, pools: Pools, spec: ContainerSpec) -> None:
        try:
            async with pools.lease(spec) as lease:
                self.lease = lease
                try:
                    await self._end.wait()
                finally:
                    self.lease = None
        except (EngineError, PoolClosedError):
            pass  # refused, which is an answer

    def end(self) -> None:
        self._end.set()


class HostMachine(RuleBasedStateMachine):
    """Pools of three images on an engine whose every start waits for a rule."""

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
        sizes = Sizes(minimum=0, maximum=MOST_OF_AN_IMAGE, spare=1)
        self.pools = Pools(
            self.engine,
            PoolSettings(sizes=sizes, host_containers=LIMIT),
            failed=self.bugs.append,
            now_s=self.clock,
        )

    def go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it in the machine's own loop."""
        self.loop.run_until_complete(coroutine)

    @rule(spec=specs)
    def take(self, spec: ContainerSpec) -> None:
        async def act() -> None:
            self.callers.append(Caller(self.pools, spec))

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

    @rule(spec=specs, takes=st.floats(0, 1000))
    def hear_a_notice(self, spec: ContainerSpec, takes: float) -> None:
        async def act() -> None:
            self.pools.hear(spec, takes)

        self.go(act())

    @rule(spec=specs)
    def warm_up(self, spec: ContainerSpec) -> None:
        async def act() -> None:
            self.pools.warm_up(spec)

        self.go(act())

    @rule(spec=specs)
    def retire(self, spec: ContainerSpec) -> None:
        async def act() -> None:
            self.pools.retire(spec.image, "image was removed")

        self.go(act())

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

    @rule(seconds=st.sampled_from([0.5, 2.0, 40.0, 700.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        async def act() -> None:
            self.clock.advance(seconds)
            self.pools.resize()

        self.go(act())

    @rule()
    def all_settles(self) -> None:
        self.go(settle())

    @invariant()
    def no_container_is_handed_out_twice(self) -> None:
        held = [caller.lease.container_id for caller in self.callers if caller.lease]
        assert len(held) == len(set(held))

    @invariant()
    def no_bug_was_heard_of(self) -> None:
        assert not self.bugs

    @invariant()
    def no_image_passes_its_maximum(self) -> None:
        assert all(pool.warm <= MOST_OF_AN_IMAGE for pool in self.pools.by_image.values())

    @invariant()
    def the_hosts_limit_holds(self) -> None:
        """Above it is only what learners use or wait for."""
        pools = self.pools.by_image.values()
        warm = sum(pool.warm for pool in pools)
        all_of_them = warm + sum(pool.under_way + pool.leased for pool in pools)
        assert all_of_them <= LIMIT or not warm

    def teardown(self) -> None:
        async def act() -> None:
            self.engine.release()
            for caller in self.callers:
                caller.task.cancel()
            await asyncio.gather(*(caller.task for caller in self.callers), return_exceptions=True)
            await settle()
            self.clock.advance(70)  # past any pause
            self.pools.forgive()
            self.pools.resize()
            await settle()
            pools = self.pools.by_image.values()
            assert all(pool.leased == pool.starting == 0 for pool in pools)
            assert all(pool.warm == pool.target for pool in pools)
            assert len(self.engine.present) == sum(pool.warm for pool in pools) <= LIMIT
            await self.pools.close()
            assert not self.engine.present

        self.go(act())
        self.loop.close()


class TestHost(HostMachine.TestCase):  # type: ignore[name-defined,misc]
    """The rules above, in any order."""

    settings = settings(deadline=None, max_examples=100, stateful_step_count=40)
