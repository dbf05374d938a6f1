"""The lease of a container, which a pool hands out to one run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pool.engine import Stream

Reset = Callable[[], Awaitable[str]]


@dataclass
class Lease:
    """A container for one run, and whether it was a hit.

    If the container can serve another run, the caller sets `reset` before the lease ends. The pool
    awaits `reset()` after the lease. That call waits until the container is warm again, and then
    returns an empty text; or it returns the reason why the container must serve no further run.
    Without `reset` the container is discarded.
    """

    container_id: str
    name: str
    stream: Stream
    hit: bool
    reset: Reset | None = None
