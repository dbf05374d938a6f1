"""How many containers to keep warm: pure functions of counts, settings and the time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN_FILL_S = 1.0  # before the first start: on a busy machine they take that long
SPREADS_FOR_99 = 2.33  # of the normal distribution, one-sided
LONGEST_YIELD_S = 2.0  # most kata end sooner; bench/storm.py


@dataclass(frozen=True)
class Sizes:
    """Per image: at least, at most, and how many beside what the rate asks for.

    `keep_s`: how long an image that nobody wants any more keeps its spare ones;
    `cool_down_s`: how long a target stays before it may fall.
    """

    minimum: int = 0
    maximum: int = 12
    spare: int = 2
    keep_s: float = 600.0
    cool_down_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError("minimum must be 0 or more, and maximum not below it")
        if self.spare < 0:
            raise ValueError("spare must be 0 or more")


def p95(fill_times_s: Sequence[float]) -> float:
    """The 95th percentile of the latest times to get warm."""
    if not fill_times_s:
        return UNKNOWN_FILL_S
    ordered = sorted(fill_times_s)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def most_taken(expected: float) -> int:
    """So many are taken while one gets warm, or fewer, in 99 of 100 times.

    Learners press independently of each other, so takes are Poisson distributed about what is
    `expected`: the square root is their spread, and the safety stock of a store.
    """
    return math.ceil(expected + SPREADS_FOR_99 * math.sqrt(expected))


def wanted(rate: float, fill_s: float, wanted_ago_s: float, sizes: Sizes) -> int:
    """What may be taken while a new one gets warm, and some to spare; none when forgotten."""
    if wanted_ago_s > sizes.keep_s:
        return sizes.minimum
    target = most_taken(rate * fill_s) + sizes.spare
    return min(max(target, sizes.minimum), sizes.maximum)


def may_yield(warm: int, rate: float, running: int, waited_s: float) -> bool:
    """Whether a refill should wait: a start costs 300 ms of CPU, which runs would feel.

    It does while kata run and what is warm will do for as long as it may have to wait.
    """
    return running > 0 and waited_s < LONGEST_YIELD_S and warm > rate * LONGEST_YIELD_S
