"""What a pool hands out, and what it counts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pool.engine import Stream


@dataclass
class Lease:
    """A container for one run, and whether it had been warm when it was asked for.

    Whoever has it may say that the container can serve again, by setting `again`: that waits until
    it is warm once more, and returns an empty text, or why it must not be used any more. It is
    called after the lease. Left at None, the container is discarded.
    """

    container_id: str
    name: str
    stream: Stream
    hit: bool
    again: Callable[[], Awaitable[str]] | None = None


@dataclass
class Counts:
    """What happened so far.

    `returns`: how often a container came back warm; `served`: how many were discarded that had
    served a run, and `uses` how many runs they had served together.
    """

    hits: int = 0
    misses: int = 0
    starts: int = 0
    failures: int = 0
    returns: int = 0
    served: int = 0
    uses: int = 0
    discards: dict[str, int] = field(default_factory=dict)
