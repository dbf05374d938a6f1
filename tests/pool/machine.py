"""What the state machines share: callers, an engine whose starts wait for a rule, a clock."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pool import EngineError, Lease, PoolClosedError, Supervisor
from tests.fakes import FakeContainers

from .conftest import Clock, settle


class Caller:
    """A run that holds its container until it is told to end.

    With `reset` its container can then serve another run.
    """

    def __init__(
        self,
        leasing: AbstractAsyncContextManager[Lease],
        reset: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self.lease: Lease | None = None
        self._reset = reset
        self._end = asyncio.Event()
        self.task = asyncio.create_task(self._run(leasing))

    async def _run(self, leasing: AbstractAsyncContextManager[Lease]) -> None:
        try:
            async with leasing as lease:
                self.lease = lease
                try:
                    await self._end.wait()
                    lease.reset = self._reset
                finally:
                    self.lease = None
        except (EngineError, PoolClosedError):
            pass  # refused, which is an answer

    def end(self) -> None:
        """The run that the caller has a container for is over."""
        self._end.set()


class Machine(RuleBasedStateMachine):
    """Runs in a loop of its own; `_open` makes what is tested."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.engine = FakeContainers()
        self.engine.hold()
        self.clock = Clock()
        self.bugs: list[BaseException] = []
        self.supervisor = Supervisor(lambda _name, error: self.bugs.append(error))
        self.callers: list[Caller] = []
        self.go(self._open())

    async def _open(self) -> None:
        raise NotImplementedError

    async def end_all(self) -> None:
        """Every caller, every start, every pause."""
        self.engine.release()
        for caller in self.callers:
            caller.task.cancel()
        await asyncio.gather(*(caller.task for caller in self.callers), return_exceptions=True)
        await settle()
        self.clock.advance(70)  # past any pause

    def go(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run it in the machine's own loop."""
        self.loop.run_until_complete(coroutine)

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def end_a_run(self, data: st.DataObject) -> None:
        """A caller's lease ends."""

        async def act() -> None:
            data.draw(st.sampled_from(self.callers)).end()

        self.go(act())

    @precondition(lambda self: self.callers)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        """A caller leaves, whether it has a container or waits for one."""

        async def act() -> None:
            data.draw(st.sampled_from(self.callers)).task.cancel()

        self.go(act())

    @rule(count=st.integers(1, 3))
    def starts_succeed(self, count: int) -> None:
        """Containers get warm."""

        async def act() -> None:
            self.engine.finish(count)

        self.go(act())

    @precondition(lambda self: self.engine.held)
    @rule()
    def a_start_fails(self) -> None:
        """The engine refuses one of the starts that are under way."""

        async def act() -> None:
            if self.engine.held:
                self.engine.refuse(EngineError("start", "no"))

        self.go(act())

    @precondition(lambda self: self.engine.living)
    @rule(data=st.data())
    def a_container_dies(self, data: st.DataObject) -> None:
        """A container ends by itself, warm or in use."""
        victim = data.draw(st.sampled_from(sorted(self.engine.living)))

        async def act() -> None:
            if victim in self.engine.living:  # the loop's first turn may have removed it
                self.engine.kill(victim)

        self.go(act())

    @invariant()
    def no_container_is_handed_out_twice(self) -> None:
        """A container belongs to one caller at a time."""
        held = [caller.lease.container_id for caller in self.callers if caller.lease]
        assert len(held) == len(set(held))

    @invariant()
    def no_bug_was_heard_of(self) -> None:
        """No task in the background failed by an error that nobody foresaw."""
        assert not self.bugs
