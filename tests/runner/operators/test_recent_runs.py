"""The book of recent runs: quantiles by phase, and the runs that ended badly, all bounded."""

import pytest

from runner.operators.recent_runs import (
    LONGEST_NAME,
    LONGEST_REASON,
    MOST_BAD,
    MOST_PHASES,
    SLOT_S,
    SLOTS,
    RecentRuns,
    bin_of,
    quantile,
)
from runner.run.record import RunRecord


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time of the test."""
        return self.now_s


def record(outcome: str = "green", run_s: float = 0.1, **fields: object) -> RunRecord:
    """A run that has ended."""
    known: dict[str, object] = {
        "kata_id": "aBc123",
        "image": "gcc:1",
        "is_here": True,
        "outcome": outcome,
        "status": "0",
        "reason": "",
        "took_s": run_s,
        "phases_s": {"run": run_s},
        "hit": True,
        "kind": "single use",
        "container": "c",
    }
    return RunRecord(**{**known, **fields})  # type: ignore[arg-type]


@pytest.fixture
def clock() -> Clock:
    """The book's clock."""
    return Clock()


@pytest.fixture
def book(clock: Clock) -> RecentRuns:
    """An empty book."""
    return RecentRuns(clock)


def test_quantiles_are_of_the_last_minutes(book: RecentRuns, clock: Clock) -> None:
    """Half of the runs took no longer than p50, 95 in 100 no longer than p95, within a tenth."""
    for number in range(1, 101):
        book.ended(record(run_s=number / 100))

    times = book.look().phases["run"]
    assert times.p50_s == pytest.approx(0.5, rel=0.1)
    assert times.p95_s == pytest.approx(0.95, rel=0.1)
    assert times.p50_by_slot_s == (*[None] * (SLOTS - 1), times.p50_s)
    clock.now_s += SLOT_S * SLOTS
    assert book.look().phases == {}


def test_a_slot_without_runs_is_a_gap(book: RecentRuns, clock: Clock) -> None:
    """A chart must not show a time where no run ended."""
    book.ended(record(run_s=0.1))
    clock.now_s += 2 * SLOT_S
    book.ended(record(run_s=1.0))

    shown = book.look().phases["run"].p95_by_slot_s[-3:]
    assert [one is None for one in shown] == [False, True, False]


def test_a_run_changes_what_its_slot_told_before(book: RecentRuns) -> None:
    """What was read once is not told again when another run has ended meanwhile."""
    book.ended(record(run_s=0.1))
    before = book.look().phases["run"].p95_by_slot_s[-1]
    book.ended(record(run_s=5.0))

    after = book.look().phases["run"].p95_by_slot_s[-1]
    assert before is not None
    assert after is not None
    assert after > 10 * before


def test_outcomes_are_counted_for_as_long(book: RecentRuns, clock: Clock) -> None:
    """Each outcome of the last five minutes has its count, and older ones are forgotten."""
    for outcome in ("green", "green", "red"):
        book.ended(record(outcome))
    assert book.look().outcomes == {"green": 2, "red": 1}

    clock.now_s += SLOT_S * SLOTS
    assert book.look().outcomes == {}


def test_bad_runs_are_kept_the_latest_first(book: RecentRuns, clock: Clock) -> None:
    """Time-outs, faults and abandoned runs stay until 50 others have come, however long ago."""
    for outcome in ("green", "red", "amber", "pulling", "timed_out", "faulty", "abandoned"):
        book.ended(record(outcome))
    assert [run.outcome for run in book.look().bad] == ["abandoned", "faulty", "timed_out"]

    clock.now_s += 100_000
    for number in range(MOST_BAD):
        book.ended(record("faulty", kata_id=f"{number}", ended_at_s=1_800_000_000.0 + number))
    assert [run.kata_id for run in book.look().bad] == [
        f"{number}" for number in reversed(range(MOST_BAD))
    ]
    assert book.look().bad[0].at == 1_800_000_000.0 + MOST_BAD - 1


def test_what_is_kept_of_a_run_is_bounded(book: RecentRuns) -> None:
    """Neither long texts nor ever new phases make the book grow."""
    phases = {f"phase {number}": 0.1 for number in range(2 * MOST_PHASES)}
    book.ended(record("faulty", kata_id="x" * 9999, reason="y" * 9999, phases_s=phases))

    [bad] = book.look().bad
    assert (len(bad.kata_id), len(bad.reason)) == (LONGEST_NAME, LONGEST_REASON)
    assert len(book.look().phases) == MOST_PHASES


@pytest.mark.parametrize("seconds", [0.0, 0.001, 0.02, 1.0, 29.9])
def test_a_bin_is_at_most_a_tenth_too_large(seconds: float) -> None:
    """The time that a bin stands for is not shorter than any in it, and at most a tenth longer."""
    told = quantile({bin_of(seconds): 1}, 0.5)

    assert told is not None
    assert seconds <= told + 0.0001
    assert told <= max(0.001, seconds) * 1.1 + 0.0001


def test_bins_have_an_end() -> None:
    """Even a run of days is counted in the last bin."""
    assert bin_of(1e9) == bin_of(1e6) == 120
