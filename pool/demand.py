"""How often an image is wanted: moving averages, clock-free, and the target that follows them."""

import math
from dataclasses import dataclass

from pool.sharing import Claim
from pool.sizing import Sizes, p95, wanted

FAST_S = 15.0  # sees a class begin within a few presses
SLOW_S = 300.0  # remembers it through a lull: learners think between presses
FILL_TIMES_KEPT = 20


@dataclass
class _Decaying:
    """A count in which an event weighs less the longer ago it was."""

    memory_s: float
    count: float = 0.0
    at_s: float = -math.inf

    def add(self, weight: float, now_s: float) -> None:
        self.count = self.value(now_s) + weight
        self.at_s = max(now_s, self.at_s)

    def value(self, now_s: float) -> float:
        if not self.count:
            return 0.0
        return self.count * math.exp(-max(0.0, now_s - self.at_s) / self.memory_s)


class Rate:
    """Events per second: the larger of a fast and a slow average, so up at once, down slowly."""

    def __init__(self) -> None:
        self._fast = _Decaying(FAST_S)
        self._slow = _Decaying(SLOW_S)

    def note(self, now_s: float, weight: float = 1.0) -> None:
        """As many events as `weight` says, now."""
        self._fast.add(weight, now_s)
        self._slow.add(weight, now_s)

    def at(self, now_s: float) -> float:
        """Per second."""
        return max(self._fast.value(now_s) / FAST_S, self._slow.value(now_s) / SLOW_S)


class Demand:
    """For one image: what was taken, heard and filled, and how many it should keep warm.

    The rate is the larger of our own and our siblings': whoever spreads learners over replicas
    sends us next what a sibling has just seen, but not on top of what we see ourselves. A miss
    counts once more, as the demand was more than we had thought.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.taken = Rate()
        self.filled = Rate()
        self.fill_times_s: list[float] = []  # the latest ones
        self.away_times_s: list[float] = []  # of those that come back by themselves
        self.last_s = -math.inf  # when it was wanted last
        self.own_s = -math.inf  # the same without hearsay
        self._missed = Rate()
        self._heard = Rate()
        self._sizes = sizes
        self._target = 0
        self._target_s = -math.inf

    def took(self, now_s: float, *, hit: bool) -> None:
        """A run took a container, or found none."""
        self.taken.note(now_s)
        if not hit:
            self._missed.note(now_s)
        self.expect(now_s)

    def heard(self, now_s: float, takes: float) -> None:
        """A sibling's takes, as many of them as will be ours if learners are spread evenly."""
        self._heard.note(now_s, takes)
        self.last_s = max(now_s, self.last_s)

    def expect(self, now_s: float) -> None:
        """Somebody says that it will be wanted."""
        self.last_s = max(now_s, self.last_s)
        self.own_s = max(now_s, self.own_s)

    def fill(self, now_s: float, fill_s: float) -> None:
        """A container got warm; it took that long."""
        self.filled.note(now_s)
        self.fill_times_s = [*self.fill_times_s, fill_s][-FILL_TIMES_KEPT:]

    def came_back(self, away_s: float) -> None:
        """A container is warm again, so long after it was taken."""
        self.away_times_s = [*self.away_times_s, away_s][-FILL_TIMES_KEPT:]

    def rate(self, now_s: float) -> float:
        """Takes per second to be ready for."""
        return max(self._own_rate(now_s), self._heard.at(now_s))

    def claim(self, now_s: float) -> Claim:
        """What to keep warm: a target that rises at once, and falls after a cool-down."""
        sizes = self._sizes
        until_replaced_s = p95(self.away_times_s or self.fill_times_s)
        needed = wanted(self.rate(now_s), until_replaced_s, now_s - self.last_s, sizes)
        if needed >= self._target or now_s - self._target_s >= sizes.cool_down_s:
            self._target, self._target_s = needed, now_s
        return Claim(self._target, self.last_s, self._own(now_s, until_replaced_s))

    def _own_rate(self, now_s: float) -> float:
        return self.taken.at(now_s) + self._missed.at(now_s)

    def _own(self, now_s: float, until_replaced_s: float) -> int:
        """As much of the target as there would be without hearsay."""
        own_rate = self._own_rate(now_s)
        if self._heard.at(now_s) <= own_rate:
            return self._target
        needed = wanted(own_rate, until_replaced_s, now_s - self.own_s, self._sizes)
        return min(self._target, needed)
