"""A bounded book of recent runs: how long their phases took, and which of them ended badly."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from runner.kata import Outcome
from runner.run.record import ABANDONED, RunRecord

SLOT_S = 5.0
SLOTS = 60  # five minutes
MOST_BAD = 50
MOST_PHASES = 12
# Any client can make up an image and an id, and a reason may quote what a lambda said.
LONGEST_NAME = 200
LONGEST_REASON = 500

_BAD = frozenset((Outcome.TIMED_OUT.value, Outcome.FAULTY.value, ABANDONED))
# Times are counted in bins, of which each is a tenth wider than the one before. So a quantile is at
# most a tenth too large, and a slot's size does not depend on the number of runs.
_SHORTEST_S = 0.001
_WIDER = math.log(1.1)
_LAST_BIN = 120  # 93 s; longer times are counted in this bin, too


@dataclass(frozen=True)
class PhaseTimes:
    """The seconds that one phase took: in half of the runs at most `p50_s`, in 95 of 100 `p95_s`.

    These two are of all slots together; `p50_by_slot_s` and `p95_by_slot_s` have one number for
    each slot, the oldest first. A number is None if no run ended in that time.
    """

    p50_s: float | None
    p95_s: float | None
    p50_by_slot_s: tuple[float | None, ...]
    p95_by_slot_s: tuple[float | None, ...]


@dataclass(frozen=True)
class BadRun:
    """A run that ended badly, `at` so many seconds of the Unix clock; see RunRecord."""

    at: float
    kata_id: str
    image: str
    outcome: str
    status: str
    reason: str
    took_s: float
    phases_s: Mapping[str, float]


@dataclass(frozen=True)
class RunsSeen:
    """The contents of the book at one moment. `bad` has the latest run first."""

    outcomes: Mapping[str, int]
    phases: Mapping[str, PhaseTimes]
    bad: tuple[BadRun, ...]


class RecentRuns:
    """Hears of every run that ends (see KataRunner). `now_s` is a monotonic clock."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        self._slots: deque[_Slot] = deque([_Slot(self._number())])
        self._bad: deque[BadRun] = deque(maxlen=MOST_BAD)

    def ended(self, run: RunRecord) -> None:
        """Note a run in the book."""
        self._turn()
        slot = self._slots[-1]
        slot.outcomes[run.outcome] += 1
        for phase, seconds in run.phases_s.items():
            slot.took(phase, seconds)
        if run.outcome in _BAD:
            self._bad.appendleft(_bad_run(run))

    @property
    def bad(self) -> tuple[BadRun, ...]:
        """The runs that ended badly, the latest first."""
        return tuple(self._bad)

    def look(self) -> RunsSeen:
        """The runs of the last five minutes."""
        self._turn()
        outcomes: Counter[str] = Counter()
        phases: dict[str, Counter[int]] = {}
        for slot in self._slots:
            outcomes.update(slot.outcomes)
            for phase, bins in slot.bins.items():
                phases.setdefault(phase, Counter()).update(bins)
        times = {phase: self._times(phase, bins) for phase, bins in phases.items()}
        return RunsSeen(dict(outcomes), times, self.bad)

    def _times(self, phase: str, bins: Counter[int]) -> PhaseTimes:
        by_slot: dict[int, tuple[float | None, float | None]] = {
            slot.number: slot.quantiles(phase) for slot in self._slots
        }
        last = self._slots[-1].number
        shown = [by_slot.get(number, (None, None)) for number in range(last - SLOTS + 1, last + 1)]
        return PhaseTimes(
            quantile(bins, 0.5),
            quantile(bins, 0.95),
            tuple(p50_s for p50_s, _ in shown),
            tuple(p95_s for _, p95_s in shown),
        )

    def _turn(self) -> None:
        """Begin the present slot, and forget the slots that are too old."""
        number = self._number()
        if number > self._slots[-1].number:
            self._slots.append(_Slot(number))
        while self._slots[0].number <= number - SLOTS:
            self._slots.popleft()

    def _number(self) -> int:
        return int(self._now_s() // SLOT_S)


def bin_of(seconds: float) -> int:
    """The bin in which a time is counted."""
    if seconds <= _SHORTEST_S:
        return 0
    return min(_LAST_BIN, math.ceil(math.log(seconds / _SHORTEST_S) / _WIDER))


def quantile(bins: Mapping[int, int], part: float) -> float | None:
    """The seconds that so large a part of the times do not exceed; None if there are no times."""
    left = part * sum(bins.values())
    for number in sorted(bins):
        left -= bins[number]
        if left <= 0:
            return round(_SHORTEST_S * math.exp(number * _WIDER), 4)
    return None


@dataclass
class _Slot:
    """The runs that ended within one slot of time."""

    number: int
    outcomes: Counter[str] = field(default_factory=Counter)
    bins: dict[str, Counter[int]] = field(default_factory=dict)
    _quantiles: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)

    def took(self, phase: str, seconds: float) -> None:
        bins = self.bins.get(phase)
        if bins is None:
            if len(self.bins) >= MOST_PHASES:
                return
            bins = self.bins[phase] = Counter()
        bins[bin_of(seconds)] += 1
        self._quantiles.pop(phase, None)

    def quantiles(self, phase: str) -> tuple[float | None, float | None]:
        """The quantiles of each phase. They are remembered, because old slots do not change."""
        if phase not in self._quantiles:
            bins: Mapping[int, int] = self.bins.get(phase, {})
            self._quantiles[phase] = quantile(bins, 0.5), quantile(bins, 0.95)
        return self._quantiles[phase]


def _bad_run(run: RunRecord) -> BadRun:
    return BadRun(
        at=run.ended_at_s,
        kata_id=run.kata_id[:LONGEST_NAME],
        image=run.image[:LONGEST_NAME],
        outcome=run.outcome,
        status=run.status,
        reason=run.reason[:LONGEST_REASON],
        took_s=round(run.took_s, 4),
        phases_s=_rounded(run.phases_s.items()),
    )


def _rounded(phases_s: Iterable[tuple[str, float]]) -> dict[str, float]:
    return {phase: round(seconds, 4) for phase, seconds in phases_s}
