"""Ways to decide how many containers to keep warm: the daemon's own, and those it is held against.

Each is a pool.demand.Demand, one for each image and replica, in the daemon's own pool.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from pool.demand import Demand
from pool.settings import PoolSettings
from pool.sharing import Claim
from pool.sizing import Sizes

TOLD = 3  # so many siblings are told of a take that is no news; the default of SIBLINGS_TOLD
TO_ALL = 1000
NO_LIMIT = 10**6
REACTIVE_KEEP_S = 600.0

InUse = Callable[[], int]  # how many runs of the image have a container, or want one
MakeDemand = Callable[[str, Sizes, InUse], Demand]


class Fixed(Demand):
    """The same number of containers from the first use on, as with the daemon's setting WARM."""

    def __init__(self, size: int) -> None:
        super().__init__(Sizes(size, size, spare=0))

    def enough(self, now_s: float) -> int:  # noqa: ARG002 - a Demand
        """Refills never wait: the best that can be done with this size."""
        return NO_LIMIT


class Reactive(Demand):
    """As many containers as were in use at once in the last `keep_s`, as in OpenWhisk (ten minutes
    there). Growth comes from misses alone: the pool has seen one more at once than it had. A
    container that is taken is replaced at once.
    """

    def __init__(self, in_use: InUse, keep_s: float) -> None:
        super().__init__(Sizes(maximum=NO_LIMIT))
        self._keep_s = keep_s
        self._in_use = in_use
        self._peaks: deque[tuple[float, int]] = deque()  # later ones are lower

    def took(self, now_s: float, *, hit: bool) -> None:
        """Remember how many are in use, until there were as many again or the time is over."""
        super().took(now_s, hit=hit)
        at_once = self._in_use()
        while self._peaks and self._peaks[-1][1] <= at_once:
            self._peaks.pop()
        self._peaks.append((now_s, at_once))

    def claim(self, now_s: float) -> Claim:
        """The highest number that is remembered."""
        while self._peaks and self._peaks[0][0] < now_s - self._keep_s:
            self._peaks.popleft()
        return Claim(self._peaks[0][1] if self._peaks else 0, self.last_s)

    def enough(self, now_s: float) -> int:  # noqa: ARG002 - a Demand
        """No number is enough, so refills never wait for runs: OpenWhisk's do not, either."""
        return NO_LIMIT


@dataclass(frozen=True)
class Policy:
    """The rules that all replicas follow.

    `told`: how many siblings hear of a take that is no news; 0: nobody is ever told of any.
    """

    name: str
    demand: MakeDemand
    told: int = 0
    sizes: Sizes = field(default_factory=Sizes)
    has_host_limit: bool = True

    def settings(self, places: int) -> PoolSettings:
        """The settings of the pools, as the service makes them."""
        settings = PoolSettings(sizes=self.sizes, leases_at_once=places)
        if self.has_host_limit:
            return settings
        return replace(settings, host_containers=NO_LIMIT, host_memory_bytes=NO_LIMIT * 2**30)


def adaptive(name: str = "adaptive", sizes: Sizes | None = None, *, told: int = 0) -> Policy:
    """The daemon's policy; without notices if nobody is told."""
    return Policy(name, _adaptive, told, sizes or Sizes())


def fixed(size: int) -> Policy:
    """A fixed size, at its best: the host has no limit, and refills never wait."""
    return fixed_each(f"fixed {size}", {}, size)


def fixed_each(name: str, sizes: Mapping[str, int], otherwise: int = 1) -> Policy:
    """A size for each image, as if somebody knew the day."""
    return Policy(name, partial(_fixed, dict(sizes), otherwise), has_host_limit=False)


def reactive(name: str = "reactive", keep_s: float = REACTIVE_KEEP_S) -> Policy:
    """Reactive growth at its best: the host has no limit, and refills never wait."""
    return Policy(name, partial(_reactive, keep_s), has_host_limit=False)


def _adaptive(_image: str, sizes: Sizes, _in_use: InUse) -> Demand:
    return Demand(sizes)


def _fixed(
    sizes: dict[str, int], otherwise: int, image: str, _sizes: Sizes, _in_use: InUse
) -> Demand:
    return Fixed(sizes.get(image, otherwise))


def _reactive(keep_s: float, _image: str, _sizes: Sizes, in_use: InUse) -> Demand:
    return Reactive(in_use, keep_s)
