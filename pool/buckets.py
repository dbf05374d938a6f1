"""Counts durations by their length; histograms are made of these counts."""

import bisect
from collections.abc import Iterable, Iterator

# For the start of a container: 0.3 s on an idle machine, 2 s while a class begins.
START_BOUNDS_S = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Buckets:
    """Counts seconds at or below each of the ascending bounds; a last bucket has all longer."""

    def __init__(self, bounds_s: tuple[float, ...], seconds: Iterable[float] = ()) -> None:
        self.bounds_s = bounds_s
        self.sum_s = 0.0
        self._counts = [0] * (len(bounds_s) + 1)
        for one_s in seconds:
            self.note(one_s)

    def note(self, seconds: float) -> None:
        """Count one duration."""
        self._counts[bisect.bisect_left(self.bounds_s, seconds)] += 1
        self.sum_s += seconds

    def add(self, others: "Buckets") -> None:
        """Add the counts of another, which has the same bounds."""
        self._counts = [
            one + other for one, other in zip(self._counts, others._counts, strict=True)
        ]
        self.sum_s += others.sum_s

    def copy(self) -> "Buckets":
        """A copy, which stays as the counts are now."""
        copied = Buckets(self.bounds_s)
        copied.add(self)
        return copied

    def up_to(self) -> Iterator[tuple[float, int]]:
        """Each bound, infinity last, with the number of durations at or below it."""
        total = 0
        for bound_s, count in zip((*self.bounds_s, float("inf")), self._counts, strict=True):
            total += count
            yield bound_s, total
