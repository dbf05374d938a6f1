"""Decides, once in each turn of the event loop, which refills may begin."""

import asyncio
import itertools
from dataclasses import dataclass
from typing import Protocol

from pool.host import Host
from pool.tasks import Supervisor
from pool.workers import Workers


@dataclass(frozen=True)
class Turn:
    """The result of a pool's turn: a start may begin now, or after a pause, or not at all.

    `is_for_runs`: the pause lets runs go first, so it is over when no container is in use.
    """

    may_start: bool = False
    pause_s: float = 0.0
    is_for_runs: bool = False


class Refillable(Protocol):
    """A pool, as far as refills are concerned."""

    @property
    def image(self) -> str:
        """The name by which the supervisor knows the refill."""

    @property
    def places(self) -> int:
        """How many of the host's places each container of this pool takes."""

    @property
    def is_short(self) -> bool:
        """Whether containers are missing."""

    def discard_surplus(self) -> None:
        """Discard the warm containers beyond the target."""

    def turn(self) -> Turn:
        """Whether a refill may begin. If it may, it counts as queued until `refill` is called."""

    def engine_works(self) -> None:
        """A container of another pool was started, so a pause may be shortened."""

    async def refill(self) -> None:
        """Start one container, unless it is needed no more."""


class Refills:
    """Starts containers in the background, few at a time, while the host has room.

    `look_at` marks a pool in which something has changed. In the next turn of the event loop one
    synchronous step decides for all marked pools which containers to discard, and which starts may
    begin. So a pool is never called while it changes, nor while another pool does. Must be made in
    a running loop.
    """

    def __init__(
        self, host: Host, workers: Workers, supervisor: Supervisor, *, at_once: int
    ) -> None:
        self._host = host
        self._workers = workers
        self._supervisor = supervisor
        self._idle = at_once  # workers without a job
        self._accepted = 0  # the places of jobs that were submitted and have not begun
        self._loop = asyncio.get_running_loop()
        self._is_due = False
        # Each queue keeps the order in which its pools came.
        self._marked: dict[Refillable, None] = {}
        self._short: dict[Refillable, None] = {}
        self._giving_way: dict[Refillable, None] = {}
        self._timers: dict[Refillable, asyncio.TimerHandle] = {}

    def look_at(self, pool: Refillable) -> None:
        """Mark a pool: something has changed in it, or a run of it has ended."""
        self._marked[pool] = None
        self._decide_soon()

    def engine_worked(self) -> None:
        """A container was started: pools that pause after a failed start may try again sooner."""
        for pool in [one for one in self._timers if one not in self._giving_way]:
            pool.engine_works()
            self.look_at(pool)

    def forget(self, pool: Refillable) -> None:
        """The pool is closed."""
        self._marked.pop(pool, None)
        self._leave_queues(pool)

    def _decide_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self._loop.call_soon(self._decide)

    def _decide(self) -> None:
        marked, self._marked = self._marked, {}
        try:
            for pool in marked:
                pool.discard_surplus()
                if pool.is_short:
                    self._short[pool] = None
            self._begin()
        except Exception as error:
            self._supervisor.report("refills", error)
        self._is_due = False
        if self._marked:
            self._decide_soon()

    def _begin(self) -> None:
        """Let pools start one container each, in turn, as long as there are workers and room."""
        while self._idle and (room := self._host.room - self._accepted) > 0:
            pool = self._next(room)
            if pool is None:
                return
            turn = pool.turn()
            if turn.may_start:
                self._submit(pool)
                self._short[pool] = None  # again, when the others have had their turn
            elif turn.pause_s:
                self._timers[pool] = self._loop.call_later(turn.pause_s, self.look_at, pool)
                if turn.is_for_runs:
                    self._giving_way[pool] = None

    def _next(self, room: int) -> Refillable | None:
        """Take the pool whose turn it is out of all queues.

        A pool whose container does not fit into the room stays where it is in its queue. The pools
        behind it take nothing from it, because the targets of all pools fit into the host together.
        """
        waiting = [self._short] if self._host.in_use else [self._short, self._giving_way]
        for pool in itertools.chain.from_iterable(waiting):
            if pool.places <= room:
                self._leave_queues(pool)
                return pool
        return None

    def _leave_queues(self, pool: Refillable) -> None:
        self._short.pop(pool, None)
        self._giving_way.pop(pool, None)
        if timer := self._timers.pop(pool, None):
            timer.cancel()

    def _submit(self, pool: Refillable) -> None:
        places = pool.places

        async def job() -> None:
            self._accepted -= places
            try:
                await pool.refill()
            finally:
                self._idle += 1
                self._decide_soon()

        self._idle -= 1
        self._accepted += places
        self._workers.submit(job, f"refill {pool.image}")
