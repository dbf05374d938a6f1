"""Measures how often an image is wanted, by moving averages, and derives its target from them.

It reads no clock.
"""

import math
from dataclasses import dataclass

from pool.sharing import Claim
from pool.sizing import LONGEST_YIELD_S, Sizes, mean, wanted, worth_keeping

FAST_S = 15.0  # this average sees a class begin within a few presses
SLOW_S = 60.0  # this average remembers the class through a lull: learners think between presses
SILENCE_S = 600.0  # after such a silence, demand may mean that a group begins
# How long the containers that an operator has asked for are kept, so that a class can begin.
ASKED_S = 900.0
# How long an image that is expected keeps its spare containers for a first take.
EXPECTED_S = 300.0
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
    """Events per second: the larger of two averages, so that it rises at once and falls slowly."""

    def __init__(self) -> None:
        self._fast = _Decaying(FAST_S)
        self._slow = _Decaying(SLOW_S)

    def note(self, now_s: float, weight: float = 1.0) -> None:
        """Count `weight` events, now."""
        self._fast.add(weight, now_s)
        self._slow.add(weight, now_s)

    def at(self, now_s: float) -> float:
        """The events per second."""
        return max(self._fast.value(now_s) / FAST_S, self._slow.value(now_s) / SLOW_S)


@dataclass
class _Source:
    """One kind of demand, our own or hearsay: when it came last, and whether a group may begin."""

    last_s: float = -math.inf
    began_s: float = -math.inf  # after a silence
    expected_s: float = -math.inf  # when it was said last that takes will come

    def wanted(self, now_s: float) -> None:
        if now_s - self.last_s > SILENCE_S:
            self.began_s = now_s
        self.last_s = max(now_s, self.last_s)

    def may_be_a_group(self, now_s: float, took_s: float, beginning_s: float) -> bool:
        is_expected = self.expected_s > took_s and now_s - self.expected_s < EXPECTED_S
        return is_expected or now_s - self.began_s < beginning_s


class Demand:
    """Notes the takes, the notices and the starts of one image, and says how many to keep warm.

    The rate is the larger one of our own takes and our siblings' takes, not their sum. A load
    balancer spreads the same learners over all replicas, so the takes that a sibling has just seen
    may come to us next, but instead of ours and not beside them.
    """

    def __init__(self, sizes: Sizes) -> None:
        self.taken = Rate()
        self.started = Rate()
        self.start_times_s: list[float] = []  # the latest ones
        self.away_times_s: list[float] = []  # of reusable containers: each one's run and reset
        self._heard = Rate()
        self._sizes = sizes
        self._own = _Source()
        self._hearsay = _Source()
        self._took_s = -math.inf
        self._asked = 0  # by an operator
        self._asked_s = -math.inf
        self._target = 0
        self._target_s = -math.inf

    @property
    def last_s(self) -> float:
        """When the image was wanted last."""
        return max(self._own.last_s, self._hearsay.last_s)

    def took(self, now_s: float, *, hit: bool) -> None:  # noqa: ARG002 - other policies ask
        """A run took a container; `hit` tells whether it found a warm one."""
        if now_s - self._took_s > SILENCE_S:
            self._own.began_s = now_s  # a client may have announced it: its group begins only now
        self._took_s = max(now_s, self._took_s)
        self._own.wanted(now_s)
        self.taken.note(now_s)

    def heard(self, now_s: float, takes: float, *, announced: bool = False) -> None:
        """A sibling told of takes: so many of them as come to us if learners are spread evenly.

        `announced`: nothing was taken yet, but a client of the sibling says that takes will come.
        """
        self._heard.note(now_s, takes)
        self._hearsay.wanted(now_s)
        if announced:
            self._hearsay.expected_s = now_s

    def expect(self, now_s: float, containers: int = 0) -> None:
        """A client says that the image will be wanted soon, because a group may be about to begin.

        An operator may name a number of containers; at least so many are kept for ASKED_S.
        """
        self._own.wanted(now_s)
        self._own.expected_s = now_s
        if containers:
            self._asked, self._asked_s = containers, now_s

    def warmed(self, now_s: float, start_s: float) -> None:
        """A container got warm, after a start of so many seconds."""
        self.started.note(now_s)
        self.start_times_s = [*self.start_times_s, start_s][-TIMES_KEPT:]

    def was_reset(self, away_s: float) -> None:
        """A container is warm again, so many seconds after it was taken."""
        self.away_times_s = [*self.away_times_s, away_s][-TIMES_KEPT:]

    def rate(self, now_s: float) -> float:
        """The takes per second that the image must be ready for."""
        return max(self.taken.at(now_s), self._heard.at(now_s))

    def claim(self, now_s: float) -> Claim:
        """The containers to keep. Their number rises at once, and falls after a cool-down."""
        own = self._needed(now_s, self.taken.at(now_s), self._own.last_s, self._spare(now_s))
        own = max(own, self._asked_for(now_s))
        needed = own
        if self.last_s > self._own.last_s or self.rate(now_s) > self.taken.at(now_s):
            spare = max(self._spare(now_s), self._spare_by_hearsay(now_s))
            needed = max(own, self._needed(now_s, self.rate(now_s), self.last_s, spare))
        if needed >= self._target or now_s - self._target_s >= self._sizes.cool_down_s:
            self._target, self._target_s = needed, now_s
        # The part of the target beyond our own need comes from hearsay, unless the target has yet
        # to fall.
        return Claim(self._target, self.last_s, own if needed > own else None)

    def enough(self, now_s: float) -> int:
        """How many warm containers suffice while a refill waits for runs to end.

        Only takes of our own count, so that a sibling that exaggerates does not make refills hasty.
        While a group may be beginning no number suffices, because its rate is not known yet.
        """
        sizes = self._sizes
        if self.may_be_a_group(now_s):
            return sizes.maximum + 1
        wait_s = LONGEST_YIELD_S
        if self.away_times_s:  # a reusable container that is taken will be warm again by then
            wait_s = min(wait_s, mean(self.away_times_s))
        return max(1, worth_keeping(self.taken.at(now_s), wait_s, sizes.worth_s, sizes.maximum))

    def may_be_a_group(self, now_s: float) -> bool:
        """Whether a group may be about to begin here, or has just begun, so its rate is unknown."""
        return self._spare(now_s) > 0

    def _asked_for(self, now_s: float) -> int:
        is_over = now_s - self._asked_s >= ASKED_S
        return 0 if is_over else min(self._asked, self._sizes.maximum)

    def _spare(self, now_s: float) -> int:
        sizes = self._sizes
        is_group = self._own.may_be_a_group(now_s, self._took_s, sizes.beginning_s)
        return sizes.spare if is_group else 0

    def _spare_by_hearsay(self, now_s: float) -> int:
        """One spare container at most: all replicas hear of a group, and share its learners."""
        sizes = self._sizes
        is_group = self._hearsay.may_be_a_group(now_s, self._took_s, sizes.beginning_s)
        return min(1, sizes.spare) if is_group else 0

    def _needed(self, now_s: float, rate: float, wanted_s: float, spare: int) -> int:
        sizes = self._sizes
        replaced_s = mean(self.away_times_s or self.start_times_s)
        least = 1 if now_s - wanted_s <= sizes.keep_s else 0
        return wanted(rate, replaced_s, sizes, least=least, spare=spare)
