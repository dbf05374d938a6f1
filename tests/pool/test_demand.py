"""Demand: decaying averages, and the target that follows them."""

import pytest

from pool.demand import FAST_S, FILL_TIMES_KEPT, SLOW_S, Demand, Rate
from pool.sizing import Sizes

SIZES = Sizes(minimum=1, maximum=10, spare=1, keep_s=600, cool_down_s=30)


def test_nobody_wants_what_was_never_wanted() -> None:
    """No event, no rate."""
    assert Rate().at(now_s=1000.0) == 0


@pytest.mark.parametrize("per_second", [0.05, 1.0, 4.0])
def test_a_steady_rate_is_found(per_second: float) -> None:
    """After a while the estimate is the rate, whatever it is, to within a tenth of a second."""
    rate = Rate()
    for event in range(int(5 * SLOW_S * per_second)):
        rate.note(event / per_second)

    estimate = rate.at(5 * SLOW_S)

    assert estimate == pytest.approx(per_second, rel=0.1, abs=1 / FAST_S)


def test_a_burst_is_seen_within_seconds() -> None:
    """The fast average answers when a class begins."""
    rate = Rate()
    for press in range(30):
        rate.note(press / 6)

    assert rate.at(5.0) > 1.0


def test_a_lull_is_bridged_by_the_slow_average() -> None:
    """A minute after half an hour of steady use more than half of the rate is left."""
    rate = Rate()
    for second in range(1800):
        rate.note(float(second))

    assert 0.5 < rate.at(1860.0) < 1.0


def test_an_event_may_weigh_less() -> None:
    """A sibling's take is not ours."""
    ours, siblings = Rate(), Rate()
    ours.note(0.0)
    siblings.note(0.0, weight=0.25)

    assert siblings.at(1.0) == pytest.approx(ours.at(1.0) / 4)


def test_a_clock_that_stands_still_or_steps_back_does_no_harm() -> None:
    """Events of one moment add up; an older one is as good as one of now."""
    rate = Rate()
    for now_s in (10.0, 10.0, 9.0):
        rate.note(now_s)

    assert rate.at(10.0) == pytest.approx(3 / FAST_S)


class TestRateOfDemand:
    """Ours, the misses, the siblings'."""

    def test_a_miss_counts_twice(self) -> None:
        """The demand was more than we had thought."""
        hits, misses = Demand(SIZES), Demand(SIZES)
        hits.took(0.0, hit=True)
        misses.took(0.0, hit=False)

        assert misses.rate(0.0) == 2 * hits.rate(0.0)
        assert misses.taken.at(0.0) == hits.taken.at(0.0)

    def test_siblings_do_not_add_up_with_ours(self) -> None:
        """The larger counts: the same learners would be counted twice."""
        demand = Demand(SIZES)
        for second in range(30):
            demand.took(second, hit=True)
            demand.heard(second, takes=0.5)
        alone = demand.taken.at(30)

        assert demand.rate(30) == alone
        for second in range(30):
            demand.heard(30 + second, takes=3)
        assert demand.rate(60) > 2 * alone


class TestClaim:
    """The target, and since when."""

    def test_nothing_is_wanted_before_anybody_says_so(self) -> None:
        """Only the minimum."""
        assert Demand(SIZES).claim(0.0).target == 1

    def test_one_notice_warms_some(self) -> None:
        """However little it says: some will come here, too."""
        demand = Demand(SIZES)
        demand.heard(5.0, takes=0.1)

        claim = demand.claim(5.0)

        assert claim.target == 2
        assert claim.wanted_s == 5.0

    def test_expecting_warms_the_spare(self) -> None:
        """As for an image that was just pulled."""
        demand = Demand(SIZES)
        demand.expect(5.0)

        assert demand.claim(5.0).target == 1

    def test_slow_fills_raise_it(self) -> None:
        """More is taken while one gets warm."""
        quick, slow = Demand(SIZES), Demand(SIZES)
        for demand, fill_s in ((quick, 0.3), (slow, 3.0)):
            demand.fill(0.0, fill_s)
            for second in range(60):
                demand.took(second, hit=True)

        assert quick.claim(60.0).target < slow.claim(60.0).target

    def test_it_rises_at_once_and_falls_after_the_cool_down(self) -> None:
        """A lull between two presses costs no warm container."""
        demand = Demand(SIZES)
        for press in range(20):
            demand.took(press / 10, hit=True)
        high = demand.claim(2.0).target

        assert high > 4
        assert demand.claim(31.0).target == high
        assert demand.claim(33.0).target < high
        assert demand.claim(700.0).target == SIZES.minimum

    def test_only_the_latest_fills_count(self) -> None:
        """What was slow an hour ago says nothing."""
        demand = Demand(SIZES)
        for n in range(3 * FILL_TIMES_KEPT):
            demand.fill(n, float(n))

        assert demand.fill_times_s == [float(n) for n in range(2 * FILL_TIMES_KEPT, n + 1)]
