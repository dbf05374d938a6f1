"""How many containers to keep warm: pure functions of counts, settings and the time."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

UNKNOWN_TIME_S = 0.5  # to replace a container, before one has been replaced
LONGEST_YIELD_S = 2.0  # most kata end sooner; bench/storm.py


@dataclass(frozen=True)
class Sizes:
    """How many warm containers an image has: at least, at most, and what each must be worth.

    A container is kept if it turns a miss into a hit once in `worth_s`, or more often; the last one
    stays for `keep_s` after the last demand, whatever it is worth. For the first `beginning_s` of
    demand after a silence there are `spare` more, as a group may be about to begin. A target stays
    for `cool_down_s` before it falls.
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
    """Of the latest times to replace a container; a guess if there are none."""
    return sum(times_s) / len(times_s) if times_s else UNKNOWN_TIME_S


def worth_keeping(rate: float, replaced_s: float, worth_s: float, most: int) -> int:
    """How many containers turn a miss into a hit once in `worth_s` each, `most` at the most.

    Learners press independently of each other. So the number of containers that are away, taken and
    not replaced yet, is Poisson distributed about `rate` takes a second times `replaced_s`, however
    these times are distributed (Palm's theorem). The container beside `count` others makes a
    difference to the takes that find just `count` containers away: they would have missed.
    """
    expected = rate * replaced_s
    chance = math.exp(-expected)  # that just `count` are away
    count = 0
    # Up to what is expected each container is worth more than the one before, so none is the last.
    while count < most and (count < math.floor(expected) or rate * chance * worth_s >= 1):
        count += 1
        chance *= expected / count
    return count


def wanted(rate: float, replaced_s: float, sizes: Sizes, *, least: int = 0, spare: int = 0) -> int:
    """How many containers to have for so many takes a second, within the sizes."""
    worthy = worth_keeping(rate, replaced_s, sizes.worth_s, sizes.maximum)
    return min(max(max(worthy, least) + spare, sizes.minimum), sizes.maximum)


def may_yield(warm: int, enough: int, running: int, waited_s: float) -> bool:
    """Whether a refill should wait: a start costs 300 ms of CPU, which runs would feel.

    It waits while kata run, for two seconds at the longest, if `enough` are warm: as many as it
    takes to do without this refill for so long.
    """
    return running > 0 and waited_s < LONGEST_YIELD_S and warm >= enough
