"""Resets a reusable container between two runs, until it is warm again or has to be discarded."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from pool.container import Container, State
from pool.demand import Demand
from pool.lease import Reset
from pool.ledger import Ledger
from pool.shelf import Shelf
from pool.starts import Starts
from pool.tasks import Tasks
from pool.time_limits import RESET_S


@dataclass(eq=False)
class Resets:
    """The resets of one image's pool, in the background."""

    ledger: Ledger
    shelf: Shelf
    starts: Starts
    demand: Demand
    tasks: Tasks
    now_s: Callable[[], float]

    def begin(self, container: Container, reset: Reset, taken_s: float) -> None:
        """Begin the reset of a container. It was taken at `taken_s`, and its run is over."""
        self.ledger.reset_began(container)
        self.tasks.start(self._see_through(container, reset, taken_s), f"reset {container.image}")

    async def _see_through(self, container: Container, reset: Reset, taken_s: float) -> None:
        unfit = "reset failed"
        try:
            async with asyncio.timeout(RESET_S):
                unfit = await reset()
        except TimeoutError:
            unfit = "reset took too long"
        finally:
            if container.state is State.RESETTING:  # close() may have discarded it
                self._ended(container, unfit or self._why_discard(container), taken_s)

    def _why_discard(self, container: Container) -> str:
        """Why a container that has been reset must serve no further run; empty if it may."""
        if container.runs_served >= container.most_runs:
            return "most runs served"
        if self.now_s() >= container.stale_s:
            return "stale"
        return "ended" if container.stream.ended else ""

    def _ended(self, container: Container, unfit: str, taken_s: float) -> None:
        if unfit:
            self.shelf.discard(container, unfit)
            self.starts.serve_waiting()  # a caller may have waited for this container
            return
        self.ledger.counts.resets += 1
        self.demand.was_reset(self.now_s() - taken_s)
        self.shelf.put_back(container)
