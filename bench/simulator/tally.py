"""Counts the hits and misses of learners in a simulation, and their cost."""

from collections import Counter
from dataclasses import dataclass, field

from bench.simulator.workload import Press


@dataclass
class Tally:
    """All replicas together."""

    hits: int = 0
    misses: int = 0
    refused: int = 0
    class_hits: int = 0  # of learners in a class, after its first minute
    class_misses: int = 0
    class_misses_by_image: Counter[str] = field(default_factory=Counter)
    first_minute_misses: int = 0
    lone_presses: int = 0
    lone_misses: int = 0
    starts: int = 0
    notices: int = 0
    warm_s: float = (
        0.0  # of containers: from the beginning of a start to the removal, less their use
    )
    waits_s: list[float] = field(default_factory=list)  # from the press to the container
    runs_s: list[float] = field(default_factory=list)  # from the container to the run's end

    def taken(self, press: Press, *, hit: bool) -> None:
        """A press took a container that was warm, or had to wait for one."""
        self.hits += hit
        self.misses += not hit
        if press.into_class_s is None:
            self.lone_presses += 1
            self.lone_misses += not hit
        elif press.into_class_s < 60:
            self.first_minute_misses += not hit
        else:
            self.class_hits += hit
            self.class_misses += not hit
            self.class_misses_by_image[press.image] += not hit


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of one replica at one time."""

    at_s: float
    rate: float
    target: int
    warm: int
    in_use: int
