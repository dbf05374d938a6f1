"""How much an image is wanted, from when it was: a fast and a slow moving average, clock-free."""

import math
from dataclasses import dataclass

FAST_S = 15.0  # sees a class begin within a few presses
SLOW_S = 300.0  # remembers it through a lull: learners think between presses


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


class Demand:
    """Of one image: events per second, weighted."""

    def __init__(self) -> None:
        self._fast = _Decaying(FAST_S)
        self._slow = _Decaying(SLOW_S)
        self.last_s = -math.inf

    def note(self, now_s: float, weight: float = 1.0) -> None:
        """It was wanted now: 1 for a take of ours, less for one of a sibling's."""
        self._fast.add(weight, now_s)
        self._slow.add(weight, now_s)
        self.last_s = max(now_s, self.last_s)

    def rate(self, now_s: float) -> float:
        """The larger of the two averages, per second: up at once, down slowly."""
        return max(self._fast.value(now_s) / FAST_S, self._slow.value(now_s) / SLOW_S)
