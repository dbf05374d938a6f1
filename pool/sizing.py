"""Decides how many containers to keep warm, by pure functions of counts, settings and the time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN_TIME_S = 0.5  # the assumed time to replace a container, until one has been replaced
LONGEST_YIELD_S = 2.0  # most runs end sooner, see bench/storm.py


@dataclass(frozen=True)
class Sizes:
    """How many warm containers an image may have, and what each of them must be worth.

    A container is kept if it turns a miss into a hit at least once in `worth_s`. The last one is
    kept for `keep_s` after the last demand, whatever it is worth. Demand after a silence may mean
    that a group is about to begin, so for `beginning_s` there are `spare` more. A target stays as
    it is for `cool_down_s` before it falls.
    """

    minimum: int = 0
    maximum: int = 12
    spare: int = 2
    worth_s: float = 400.0
    beginning_s: float = 30.0
    keep_s: float = 30.0
    cool_down_s: float = 5.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError("minimum must be 0 or more, and maximum not below it")
        if self.spare < 0:
            raise ValueError("spare must be 0 or more")


def mean(times_s: Sequence[float]) -> float:
    """The mean of the latest times to replace a container; a guess if there are none."""
    return sum(times_s) / len(times_s) if times_s else UNKNOWN_TIME_S


def worth_keeping(rate: float, replaced_s: float, worth_s: float, most: int) -> int:
    """How many containers each turn a miss into a hit once in `worth_s`, `most` at the most.

    A container is away from the moment at which it is taken until it is replaced. Learners press
    independently of each other. So the number of containers that are away is Poisson distributed
    with the mean `rate` (takes a second) times `replaced_s`, however those times are distributed
    (Palm's theorem). With `count` containers, one more makes a difference to exactly those takes
    that find `count` containers away: they would have missed.
    """
    expected = rate * replaced_s
    chance = math.exp(-expected)  # that just `count` are away
    count = 0
    # Up to the expected number each container is worth more than the one before, so it is kept.
    while count < most and (count < math.floor(expected) or rate * chance * worth_s >= 1):
        count += 1
        chance *= expected / count
    return count


def wanted(rate: float, replaced_s: float, sizes: Sizes, *, least: int = 0, spare: int = 0) -> int:
    """How many containers to have for so many takes a second, within the sizes."""
    worthy = worth_keeping(rate, replaced_s, sizes.worth_s, sizes.maximum)
    return min(max(max(worthy, least) + spare, sizes.minimum), sizes.maximum)


def may_yield(warm: int, enough: int, running: int, waited_s: float) -> bool:
    """Whether a refill should wait, because runs would feel the CPU that a start costs.

    It waits while runs go on, for two seconds at the longest, if `enough` containers are warm: so
    many that takes can do without this refill for that time.
    """
    return running > 0 and waited_s < LONGEST_YIELD_S and warm >= enough
