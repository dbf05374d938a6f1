"""Three goals of the daemon's policy, held against reactive growth."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.simulator.experiments import Day


@dataclass(frozen=True)
class Comparison:
    """The results of two policies on the same days and the same group starts."""

    what: str
    ours: Sequence[Day]
    theirs: Sequence[Day]
    our_group_misses: Sequence[int]
    their_group_misses: Sequence[int]

    @property
    def has_their_hits(self) -> bool:
        """Whether we have at least their hits in class."""
        return _mean(self.ours, _class_hits) >= _mean(self.theirs, _class_hits)

    @property
    def has_their_hours(self) -> bool:
        """Whether we need at most their warm container-hours."""
        return _mean(self.ours, _hours) <= _mean(self.theirs, _hours)

    @property
    def has_half_of_their_misses(self) -> bool:
        """Whether we have at most half of their misses when a group begins."""
        return statistics.mean(self.our_group_misses) <= 0.5 * statistics.mean(
            self.their_group_misses
        )

    def rows(self) -> list[list[str]]:
        """A row for each of the two, and one for each goal's outcome."""
        ours = _row("ours", self.ours, self.our_group_misses)
        theirs = _row("reactive", self.theirs, self.their_group_misses)
        met = [self.has_their_hits, self.has_their_hours, self.has_half_of_their_misses]
        says = ["met" if is_met else "MISSED" for is_met in met]
        return [
            [self.what, *theirs],
            ["", *ours],
            ["", "goal", *says, ""],
        ]


def percent(part: float, digits: int) -> str:
    """A part as text in percent; a dash if there was no press of which it could be a part."""
    return "-" if math.isnan(part) else f"{100 * part:.{digits}f}"


def _row(name: str, found: Sequence[Day], group_misses: Sequence[int]) -> list[str]:
    return [
        name,
        percent(_mean(found, _class_hits), 2),
        f"{_mean(found, _hours):.1f}",
        f"{statistics.mean(group_misses):.2f}",
        percent(_mean(found, lambda one: one.lone_hit_rate), 1),
    ]


def _class_hits(one: Day) -> float:
    return one.class_hit_rate


def _hours(one: Day) -> float:
    return one.warm_hours


def _mean(found: Sequence[Day], of: Callable[[Day], float]) -> float:
    return statistics.mean(of(one) for one in found)
