"""Ways to decide how many containers to keep warm: the daemon's own, and those it is held against.

A keeper decides for one image of one replica; a policy says which keepers, and what replicas do.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from pool.demand import Demand, Rate
from pool.settings import PoolSettings
from pool.sharing import Claim
from pool.sizing import Sizes, p95

TO_ALL = 1000
NO_LIMIT = 10**6
SELDOM_S = 60.0
REACTIVE_KEEP_S = 600.0


class Keeper(Protocol):
    """What a pool tells, and asks: the methods of pool.demand.Demand."""

    last_s: float

    def took(self, now_s: float, *, hit: bool) -> None:
        """A run took a container, or found none."""

    def in_use(self, now_s: float, at_once: int) -> None:
        """So many runs have or want a container now."""

    def heard(self, now_s: float, takes: float) -> None:
        """Our part of a sibling's takes."""

    def expect(self, now_s: float) -> None:
        """Somebody says that it will be wanted."""

    def fill(self, now_s: float, fill_s: float) -> None:
        """A container got warm; it took that long."""

    def rate(self, now_s: float) -> float:
        """Takes per second to be ready for."""

    def claim(self, now_s: float) -> Claim:
        """What to keep warm."""


class Adaptive(Demand):
    """The daemon's."""

    def in_use(self, now_s: float, at_once: int) -> None:
        """It does not ask."""


class WithSpreads(Adaptive):
    """The daemon's, with another safety stock: 0 spreads is ceil(rate x time to warm) + spare."""

    def __init__(self, sizes: Sizes, spreads: float) -> None:
        super().__init__(sizes)
        self._spreads = spreads

    def claim(self, now_s: float) -> Claim:
        """As Demand.claim and sizing.wanted do it, but for the number of spreads."""
        sizes, expected = self._sizes, self.rate(now_s) * p95(self.fill_times_s)
        needed = math.ceil(expected + self._spreads * math.sqrt(expected)) + sizes.spare
        needed = min(max(needed, sizes.minimum), sizes.maximum)
        if now_s - self.last_s > sizes.keep_s:
            needed = sizes.minimum
        if needed >= self._target or now_s - self._target_s >= sizes.cool_down_s:
            self._target, self._target_s = needed, now_s
        return Claim(self._target, self.last_s)


class _OtherRate(Rate):
    """With other memories."""

    def __init__(self, fast_s: float, slow_s: float) -> None:
        super().__init__()
        self._fast.memory_s, self._slow.memory_s = fast_s, slow_s

    def at(self, now_s: float) -> float:
        fast, slow = self._fast, self._slow
        return max(fast.value(now_s) / fast.memory_s, slow.value(now_s) / slow.memory_s)


class WithMemories(Adaptive):
    """The daemon's, with other memories of what was taken, missed and heard."""

    def __init__(self, sizes: Sizes, fast_s: float, slow_s: float) -> None:
        super().__init__(sizes)
        self.taken = _OtherRate(fast_s, slow_s)
        self._missed = _OtherRate(fast_s, slow_s)
        self._heard = _OtherRate(fast_s, slow_s)


class Fixed:
    """The same number from the first use on, as with the daemon's setting WARM."""

    def __init__(self, size: int) -> None:
        self.last_s = -math.inf
        self._size = size

    def took(self, now_s: float, *, hit: bool) -> None:  # noqa: ARG002 - a Keeper
        """Changes nothing."""
        self.last_s = now_s

    def in_use(self, now_s: float, at_once: int) -> None:
        """Changes nothing."""

    def heard(self, now_s: float, takes: float) -> None:
        """Changes nothing."""

    def expect(self, now_s: float) -> None:
        """Changes nothing."""

    def fill(self, now_s: float, fill_s: float) -> None:
        """Changes nothing."""

    def rate(self, now_s: float) -> float:  # noqa: ARG002 - a Keeper
        """It has no idea."""
        return 0.0

    def claim(self, now_s: float) -> Claim:  # noqa: ARG002 - a Keeper
        """Always the same."""
        return Claim(self._size, self.last_s)


class Reactive(Fixed):
    """As OpenWhisk does it: as many as were in use at once in the last ten minutes.

    Growth comes from misses alone: the pool has seen one more at once than it had.
    """

    def __init__(self) -> None:
        super().__init__(0)
        self._peaks: deque[tuple[float, int]] = deque()  # later ones are lower

    def in_use(self, now_s: float, at_once: int) -> None:
        """Remember it, until there were as many again or the time is over."""
        while self._peaks and self._peaks[-1][1] <= at_once:
            self._peaks.pop()
        self._peaks.append((now_s, at_once))

    def claim(self, now_s: float) -> Claim:
        """The highest that is remembered."""
        while self._peaks and self._peaks[0][0] < now_s - REACTIVE_KEEP_S:
            self._peaks.popleft()
        return Claim(self._peaks[0][1] if self._peaks else 0, self.last_s)


@dataclass(frozen=True)
class Policy:
    """What all replicas do alike.

    `told`: how many siblings hear of a take; `first_to_all`: but all do, if it is the first in a
    while. `resizes_on_miss`: at once, instead of when the container for the miss is there.
    `steady`: targets never change, so takes need not be followed by a resize. `foresees`: an oracle
    has each container ready when it is wanted.
    """

    name: str
    keeper: Callable[[str], Keeper]  # of an image
    told: int = 0
    first_to_all: bool = False
    yields: bool = True
    resizes_on_miss: bool = False
    resize_s: float = PoolSettings().resize_s
    host_limit: int = PoolSettings().host_limit
    steady: bool = False
    foresees: bool = False


def adaptive(
    name: str = "adaptive",
    sizes: Sizes | None = None,
    *,
    told: int = 0,
    first_to_all: bool = False,
    yields: bool = True,
    resizes_on_miss: bool = False,
    spreads: float | None = None,
    memories_s: tuple[float, float] | None = None,
) -> Policy:
    """The daemon's; without notices if nobody is told."""
    sizes = Sizes() if sizes is None else sizes
    make: Callable[[], Keeper] = partial(Adaptive, sizes)
    if spreads is not None:
        make = partial(WithSpreads, sizes, spreads)
    if memories_s is not None:
        make = partial(WithMemories, sizes, *memories_s)
    return Policy(
        name, partial(_each, make), told, first_to_all,
        yields=yields, resizes_on_miss=resizes_on_miss,
    )  # fmt: skip


def fixed(size: int) -> Policy:
    """Without the host's limit, and refills never wait: the best that a fixed size can do."""
    return _fixed(f"fixed {size}", partial(_each, partial(Fixed, size)))


def fixed_each(name: str, sizes: Mapping[str, int]) -> Policy:
    """A size for each image, as if somebody knew the day."""
    return _fixed(name, partial(_of_size, dict(sizes)))


def reactive() -> Policy:
    """Without the host's limit, and refills never wait."""
    return Policy("reactive", partial(_each, Reactive), yields=False, host_limit=NO_LIMIT)


def oracle() -> Policy:
    """Knows all presses of the day."""
    return Policy(
        "oracle", partial(_each, partial(Fixed, 0)), resize_s=SELDOM_S, steady=True, foresees=True
    )


def _fixed(name: str, keeper: Callable[[str], Keeper]) -> Policy:
    return Policy(name, keeper, yields=False, resize_s=SELDOM_S, host_limit=NO_LIMIT, steady=True)


def _each(make: Callable[[], Keeper], _image: str) -> Keeper:
    return make()


def _of_size(sizes: dict[str, int], image: str) -> Keeper:
    return Fixed(sizes.get(image, 1))
