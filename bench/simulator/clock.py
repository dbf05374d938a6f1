"""Virtual time: events in order, and cores that jobs share."""

import heapq
from collections.abc import Callable

Act = Callable[[], None]


class Clock:
    """Runs acts at their times; those of one time in the order in which they were asked for."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._events: list[tuple[float, int, Act]] = []
        self._asked = 0

    def at(self, time_s: float, act: Act) -> None:
        """Do it then; never before now."""
        self._asked += 1
        heapq.heappush(self._events, (max(time_s, self.now_s), self._asked, act))

    def run(self, until_s: float) -> None:
        """All that is due until then; what that brings about, too."""
        while self._events and self._events[0][0] <= until_s:
            self.now_s, _, act = heapq.heappop(self._events)
            act()
        self.now_s = until_s


class Cores:
    """Jobs share them evenly, each on one core at the most, as a fair scheduler does it.

    All jobs get on at the same speed, so one count, the seconds of CPU that each has been given
    since the start of time, tells when each of them ends.
    """

    def __init__(self, clock: Clock, count: int) -> None:
        self.count = count
        self._clock = clock
        self._given_s = 0.0
        self._at_s = 0.0
        self._jobs: list[tuple[float, int, Act]] = []
        self._asked = 0
        self._change = 0

    def run(self, cpu_s: float, done: Act) -> None:
        """Call `done` once the job has had that much CPU."""
        self._catch_up()
        self._asked += 1
        heapq.heappush(self._jobs, (self._given_s + cpu_s, self._asked, done))
        self._wait_for_next()

    def _catch_up(self) -> None:
        now_s = self._clock.now_s
        if self._jobs:
            self._given_s += (now_s - self._at_s) * min(1.0, self.count / len(self._jobs))
        self._at_s = now_s

    def _wait_for_next(self) -> None:
        # What was waited for before is out of date: `_ended` looks at the number.
        self._change += 1
        if self._jobs:
            change, left_s = self._change, self._jobs[0][0] - self._given_s
            due_s = self._clock.now_s + left_s * max(1.0, len(self._jobs) / self.count)
            self._clock.at(due_s, lambda: self._ended(change))

    def _ended(self, change: int) -> None:
        if change != self._change:
            return
        self._catch_up()
        # By its own account, not by the clock's: rounding must not make it wait for ever.
        self._given_s = max(self._given_s, self._jobs[0][0])
        _, _, done = heapq.heappop(self._jobs)
        self._wait_for_next()
        done()
