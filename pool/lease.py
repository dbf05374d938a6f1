"""The lease of a container, which a pool hands out to one run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pool.engine import Stream

Reset = Callable[[], Awaitable[str]]


@dataclass
class Lease:
    """A container for one run, and whether it had been warm when it was asked for.

    A caller whose container can serve another run sets `reset` before the lease ends. The pool
    calls it after the lease: it waits until the container is warm once more, and returns an empty
    text, or the reason why the container must not be used again. With None it is discarded.
    """

    container_id: str
    name: str
    stream: Stream
    hit: bool
    reset: Reset | None = None
