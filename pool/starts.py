"""Starts containers of one image, for callers that wait and, as refills, in advance of callers."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from pool.breaker import Breaker
from pool.container import Container
from pool.demand import Demand
from pool.engine import ContainerEngine, Started
from pool.errors import EngineError
from pool.host import Host
from pool.ledger import Ledger
from pool.refills import Turn
from pool.shelf import Shelf
from pool.sizing import LONGEST_YIELD_S, may_yield
from pool.spec import ContainerSpec
from pool.tasks import Tasks

# Each container gets limits of its own for its age and for its runs, by chance within the last
# quarter of the settings' limits. Otherwise all containers of a class would be replaced at once.
SPREAD = 0.25


def _spread(longest: float) -> float:
    return longest * (1 - SPREAD * random.random())  # noqa: S311 - it is no secret


def _may_be_its_warm_up(error: EngineError) -> bool:
    """Whether the image's warm-up may have caused the error of a start.

    A warm-up that kills or stops every process it can ends the command, or keeps it from its mark.
    """
    return error.operation == "ready" or (error.operation == "start" and not error.may_pass)


@dataclass(eq=False)
class Starts:
    """The starts of one image's pool. No container stays warm when it is `longest_wait_s` old.

    `engine_worked` is called after each start that succeeded. `no_warm_up` is the error of a start
    that then worked without the spec's warm-up; from then on no start has the warm-up.
    """

    spec: ContainerSpec
    engine: ContainerEngine
    host: Host
    ledger: Ledger
    shelf: Shelf
    breaker: Breaker
    demand: Demand
    tasks: Tasks
    now_s: Callable[[], float]
    longest_wait_s: float
    engine_worked: Callable[[], None]
    no_warm_up: str = ""
    _gives_way_since_s: float | None = None

    def serve_waiting(self) -> None:
        """Begin a start for each caller for whom no container is on its way.

        While the image is on trial, only one start goes on. While the breaker is open, the last
        error fails those callers instead.
        """
        error = self.breaker.refuses(self.now_s())
        if error is not None:
            # The traceback is removed, because it would grow with every caller that gets the error.
            self.ledger.fail_unserved(error.with_traceback(None))
            return
        for _ in range(self.ledger.unserved()):
            if self.breaker.on_trial and self.ledger.starting:
                return
            self.shelf.make_room(1)
            self.ledger.start_began()
            self.host.learner_waits()
            self.tasks.start(self._start(), f"start {self.spec.image}")

    @property
    def image(self) -> str:
        """See Refillable."""
        return self.spec.image

    @property
    def places(self) -> int:
        """See Refillable."""
        return self.shelf.stake.places

    def discard_surplus(self) -> None:
        """See Refillable."""
        self.shelf.discard_surplus()

    @property
    def is_short(self) -> bool:
        """Whether containers are missing that are not on their way."""
        return not self.ledger.is_closed and self.ledger.missing(self.ledger.idle_target) > 0

    def turn(self) -> Turn:
        """See Refillable.turn."""
        if not self.is_short or self._must_wait_for_another():
            return Turn()  # when the start that is under way ends, the pool is looked at again
        if self.breaker.waits_for_callers:
            return Turn()  # the next caller that asks for the image has it tried again
        if pause_s := self.breaker.pause_s(self.now_s()):
            return Turn(pause_s=pause_s)
        if pause_s := self._way_for_runs_s():
            return Turn(pause_s=pause_s, is_for_runs=True)
        # This refill has given way for long enough. The next one gives way anew.
        self._gives_way_since_s = None
        self.ledger.queued += 1
        return Turn(may_start=True)

    def engine_works(self) -> None:
        """See Refillable."""
        self.breaker.engine_works()

    async def refill(self) -> None:
        """See Refillable.refill. The missing container may be there by now."""
        self.ledger.queued -= 1
        if self.is_short and self.host.room >= self.places and not self._must_wait_for_another():
            self.ledger.start_began()
            await self._start()

    def _must_wait_for_another(self) -> bool:
        """Whether the start that is under way must first show that the image can be started.

        The first container of an image is started alone, because siblings that warm the same image
        at this moment may share these cores. So is the first container after a failure. But if a
        caller waits for the first container, that caller may be the first of a group, so a second
        container is started at the same time. Containers that only hearsay asks for are started one
        after the other.
        """
        under_way = self.ledger.starting + self.ledger.queued
        if self.breaker.on_trial:
            return under_way > 0
        if not self.ledger.missing(self.ledger.own_idle_target):
            return under_way > 0
        if self.demand.start_times_s:
            return False
        is_for_group = self.ledger.waiting and self.demand.may_be_a_group(self.now_s())
        return under_way > (1 if is_for_group else 0)

    def _way_for_runs_s(self) -> float:
        """How long a refill should wait for runs to end, in seconds; 0 if it may begin."""
        now_s = self.now_s()
        since_s = now_s if self._gives_way_since_s is None else self._gives_way_since_s
        warm, enough = len(self.ledger.warm), self.demand.enough(now_s)
        if not may_yield(warm, enough, self.host.in_use, waited_s=now_s - since_s):
            return 0.0
        self._gives_way_since_s = since_s
        return LONGEST_YIELD_S - (now_s - since_s)

    async def _start(self) -> None:
        """Do one start, which the ledger counts already."""
        began_s = self.now_s()
        try:
            started = await self._started()
        except EngineError as error:
            self.ledger.start_failed()
            self.breaker.failed(error, self.now_s())
            self.ledger.fail_unserved(error)
            self.shelf.refill_soon()
            return
        except BaseException as error:
            self.ledger.start_ended()
            # The start was cancelled by `close`, or this is a bug. In either case no caller may
            # wait for this start for ever.
            self.ledger.fail_unserved(EngineError("start", repr(error), image=self.spec.image))
            raise
        self.ledger.start_ended()
        now_s = self.now_s()
        self.demand.warmed(now_s, now_s - began_s)
        self.ledger.counts.start_seconds.note(now_s - began_s)
        if not self.ledger.is_closed:
            self.breaker.succeeded()
            self.engine_worked()
        await self.shelf.put(self._container(started, now_s), started.memory_bytes)
        if not self.ledger.is_closed:
            self.serve_waiting()

    async def _started(self) -> Started:
        """Start a container, and if its warm-up prevents that, one without it; so from then on."""
        try:
            return await self.engine.start(self.spec)
        except EngineError as error:
            if not self.spec.warm_up or not _may_be_its_warm_up(error):
                raise
            plain = replace(self.spec, warm_up=())
            started = await self.engine.start(plain)
            self.spec = plain
            self.no_warm_up = error.message
            return started

    def _container(self, started: Started, now_s: float) -> Container:
        return Container(
            started.container_id,
            started.name,
            self.spec.image,
            started.stream,
            born_s=now_s,
            stale_s=now_s + _spread(self.longest_wait_s),
            most_runs=math.ceil(_spread(self.spec.most_runs)),
        )
