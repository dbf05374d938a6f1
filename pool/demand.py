"""How often an image is wanted: moving averages, clock-free, and the target that follows them."""

import math
from dataclasses import dataclass

from pool.sharing import Claim
from pool.sizing import LONGEST_YIELD_S, Sizes, mean, wanted, worth_keeping

FAST_S = 15.0  # sees a class begin within a few presses
SLOW_S = 60.0  # remembers it through a lull: learners think between presses
SILENCE_S = 600.0  # demand after such a silence may be the begin of a group
EXPECTED_S = 300.0  # so long an image that is expected keeps its spare ones for the first take
TIMES_KEPT = 20


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
    """For one image: what was taken, heard and replaced, and how many it should keep warm.

    The rate is the larger of our own and our siblings': a load balancer that spreads learners over
    replicas sends us next what a sibling has just seen, but not on top of what we see ourselves.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.taken = Rate()
        self.started = Rate()
        self.start_times_s: list[float] = []  # the latest ones
        self.use_times_s: list[float] = []  # of reusable containers: each one's use and reset
        self.last_s = -math.inf  # when it was wanted last
        self.own_s = -math.inf  # the same without hearsay
        self._heard = Rate()
        self._sizes = sizes
        self._took_s = -math.inf
        self._expected_s = -math.inf
        self._began_s = -math.inf
        self._target = 0
        self._target_s = -math.inf

    def took(self, now_s: float, *, hit: bool) -> None:  # noqa: ARG002 - other policies ask
        """A run took a container, or found none."""
        if now_s - self._took_s > SILENCE_S:
            self._began_s = now_s
        self._took_s = max(now_s, self._took_s)
        self.own_s = max(now_s, self.own_s)
        self.taken.note(now_s)
        self._wanted(now_s)

    def heard(self, now_s: float, takes: float) -> None:
        """A sibling's takes, as many of them as will be ours if learners are spread evenly."""
        self._heard.note(now_s, takes)
        self._wanted(now_s)

    def expect(self, now_s: float) -> None:
        """A caller says that the image will be wanted soon: a group may be about to begin."""
        self._expected_s = now_s
        self.own_s = max(now_s, self.own_s)
        self._wanted(now_s)

    def warmed(self, now_s: float, start_s: float) -> None:
        """A container got warm; it took that long."""
        self.started.note(now_s)
        self.start_times_s = [*self.start_times_s, start_s][-TIMES_KEPT:]

    def was_reset(self, use_s: float) -> None:
        """A container is warm again, so long after it was taken."""
        self.use_times_s = [*self.use_times_s, use_s][-TIMES_KEPT:]

    def rate(self, now_s: float) -> float:
        """Takes per second to be ready for."""
        return max(self.taken.at(now_s), self._heard.at(now_s))

    def claim(self, now_s: float) -> Claim:
        """What to keep warm: a target that rises at once, and falls after a cool-down."""
        needed = self._needed(now_s, self.rate(now_s), self.last_s)
        if needed >= self._target or now_s - self._target_s >= self._sizes.cool_down_s:
            self._target, self._target_s = needed, now_s
        return Claim(self._target, self.last_s, self._own(now_s))

    def enough(self, now_s: float) -> int:
        """How many warm containers will do while a refill waits for runs to end.

        By what is taken here: a sibling that exaggerates must not make refills hasty. While a group
        may be beginning no number will do, as its rate is not known yet.
        """
        sizes = self._sizes
        if self.may_be_a_group(now_s):
            return sizes.maximum + 1
        wait_s = LONGEST_YIELD_S
        if self.use_times_s:  # what is taken meanwhile will be there again
            wait_s = min(wait_s, mean(self.use_times_s))
        return max(1, worth_keeping(self.taken.at(now_s), wait_s, sizes.worth_s, sizes.maximum))

    def may_be_a_group(self, now_s: float) -> bool:
        """Whether a group may be about to begin, or has just begun and its rate is not known."""
        if not self._sizes.spare:
            return False
        is_expected = self._expected_s > self._took_s and now_s - self._expected_s < EXPECTED_S
        return is_expected or now_s - self._began_s < self._sizes.beginning_s

    def _own(self, now_s: float) -> int:
        """As much of the target as there would be without hearsay."""
        own_rate = self.taken.at(now_s)
        if self._heard.at(now_s) <= own_rate:
            return self._target
        return min(self._target, self._needed(now_s, own_rate, self.own_s))

    def _needed(self, now_s: float, rate: float, wanted_s: float) -> int:
        sizes = self._sizes
        return wanted(
            rate,
            mean(self.use_times_s or self.start_times_s),
            sizes,
            least=1 if now_s - wanted_s <= sizes.keep_s else 0,
            spare=sizes.spare if self.may_be_a_group(now_s) else 0,
        )

    def _wanted(self, now_s: float) -> None:
        if now_s - self.last_s > SILENCE_S:
            self._began_s = now_s
        self.last_s = max(now_s, self.last_s)
