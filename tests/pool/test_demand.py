"""Demand: decaying averages, and the target that follows them."""

from dataclasses import replace

import pytest

from pool.demand import ASKED_S, EXPECTED_S, FAST_S, SILENCE_S, SLOW_S, TIMES_KEPT, Demand, Rate
from pool.sizing import Sizes

SIZES = Sizes(minimum=1, maximum=10, spare=1, keep_s=60, cool_down_s=30)


def test_nobody_wants_what_was_never_wanted() -> None:
    """The rate of an image that was never wanted is zero."""
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
    """Half a minute after a class's last press more than half of its rate is left."""
    rate = Rate()
    for second in range(1800):
        rate.note(float(second))

    assert 0.5 < rate.at(1830.0) < 0.7


def test_an_event_may_weigh_less() -> None:
    """A sibling's take raises the rate by less than one of our own."""
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
    """The rate of our own takes and of the siblings'."""

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
    """The containers that an image asks for, and when it was wanted last."""

    def test_nothing_is_wanted_before_anybody_says_so(self) -> None:
        """An image that nobody has wanted asks for the minimum only."""
        assert Demand(SIZES).claim(0.0).target == 1

    def test_one_notice_warms_some(self) -> None:
        """However little a notice says, one container is kept, and one more while a
        group may be beginning.
        """
        demand = Demand(replace(SIZES, minimum=0, spare=3))
        demand.heard(5.0, takes=0.1)

        claim = demand.claim(5.0)

        assert (claim.target, claim.own) == (2, 0)
        assert claim.wanted_s == 5.0

    def test_an_announcement_by_a_sibling_lasts_until_the_first_take(self) -> None:
        """A replica that heard of a pull keeps a container for minutes, until its first take."""
        demand = Demand(replace(SIZES, minimum=0))
        demand.heard(0.0, takes=0.1, announced=True)
        waiting = demand.claim(EXPECTED_S - 1).target
        demand.took(EXPECTED_S - 1, hit=True)

        assert waiting == 1
        assert demand.claim(EXPECTED_S + 100).target == 1
        assert demand.claim(EXPECTED_S + 200).target == 0

    def test_the_spare_are_for_the_beginning(self) -> None:
        """A lone learner has spare containers for half a minute, and one after that."""
        demand = Demand(SIZES)
        demand.warmed(0.0, 0.3)
        targets = []
        for second in range(0, 120, 30):
            demand.took(float(second), hit=True)
            targets.append(demand.claim(float(second)).target)

        assert targets == [1 + SIZES.spare, *3 * [1]]

    def test_demand_after_a_silence_is_a_beginning_again(self) -> None:
        """After ten silent minutes the next take may again be the first of a group."""
        demand = Demand(SIZES)
        demand.took(0.0, hit=True)

        assert not demand.may_be_a_group(SILENCE_S)
        demand.took(SILENCE_S + 1, hit=True)
        assert demand.may_be_a_group(SILENCE_S + 2)

    def test_the_first_take_here_is_a_beginning_though_siblings_told_before(self) -> None:
        """After notices of a pull, the first take here still counts as the beginning of a group."""
        demand = Demand(SIZES)
        demand.heard(0.0, takes=0.1)
        demand.took(50.0, hit=True)

        assert demand.may_be_a_group(51.0)

    def test_what_is_expected_keeps_its_spare_until_it_is_taken(self) -> None:
        """An image that was pulled keeps its spare ones for minutes, until its first take."""
        demand = Demand(SIZES)
        demand.expect(0.0)

        assert demand.claim(EXPECTED_S - 1).target >= SIZES.spare
        assert not demand.may_be_a_group(EXPECTED_S)
        demand.took(100.0, hit=True)
        assert not demand.may_be_a_group(200.0)

    def test_without_spare_no_group_is_expected(self) -> None:
        """A pool of fixed size expects no group, and its target stays."""
        demand = Demand(Sizes(minimum=2, maximum=2, spare=0))
        demand.took(0.0, hit=False)

        assert not demand.may_be_a_group(0.0)
        assert demand.claim(0.0).target == 2

    def test_slow_fills_raise_it(self) -> None:
        """More containers are wanted when it takes longer to replace one."""
        quick, slow = Demand(SIZES), Demand(SIZES)
        for demand, start_s in ((quick, 0.3), (slow, 3.0)):
            demand.warmed(0.0, start_s)
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

    def test_the_last_one_stays_for_a_while_after_the_last_demand(self) -> None:
        """The last container stays for `keep_s` after the last demand, and then it goes."""
        sizes = replace(SIZES, minimum=0)
        demand = Demand(sizes)
        demand.heard(0.0, takes=0.01)

        assert demand.claim(sizes.keep_s).target == 1
        assert demand.claim(sizes.keep_s + sizes.cool_down_s + 1).target == 0

    def test_only_the_latest_start_times_count(self) -> None:
        """Only the latest start times count."""
        demand = Demand(SIZES)
        for n in range(3 * TIMES_KEPT):
            demand.warmed(n, float(n))

        assert demand.start_times_s == [float(n) for n in range(2 * TIMES_KEPT, n + 1)]


class TestEnough:
    """How many warm ones will do while a refill waits."""

    def test_more_takes_need_more(self) -> None:
        """A class needs more warm containers for two seconds than a lone learner does."""
        lone, a_class = Demand(SIZES), Demand(SIZES)
        for second in range(120):
            a_class.took(float(second), hit=True)
            if second % 30 == 0:
                lone.took(float(second), hit=True)

        assert 1 <= lone.enough(120.0) < a_class.enough(120.0)

    def test_reusable_containers_need_fewer(self) -> None:
        """Fewer reusable containers are enough, as they are back before a refill would be there."""
        single_use, reusable = Demand(SIZES), Demand(SIZES)
        for second in range(120):
            single_use.took(float(second), hit=True)
            reusable.took(float(second), hit=True)
            reusable.was_reset(0.3)

        assert reusable.enough(120.0) < single_use.enough(120.0)

    def test_no_number_will_do_while_a_group_may_be_beginning(self) -> None:
        """While a group may be beginning no refill waits, as its rate is not known yet."""
        demand = Demand(SIZES)
        demand.took(0.0, hit=False)

        assert demand.enough(1.0) > SIZES.maximum

    def test_hearsay_makes_no_refill_hasty(self) -> None:
        """Notices, however exaggerated, do not make refills take the cores from runs."""
        demand = Demand(SIZES)
        for second in range(60):
            demand.heard(float(second), takes=100)

        assert demand.enough(60.0) == 1


def test_what_an_operator_asks_for_is_kept_for_a_while() -> None:
    """At least as many containers as an operator asked for are kept for a while, within the sizes.

    Afterwards demand decides.
    """
    demand = Demand(SIZES)
    demand.expect(0.0, 4)
    assert demand.claim(0.0).target == 4
    assert demand.claim(ASKED_S - 1).target == 4
    assert demand.claim(ASKED_S + SIZES.cool_down_s).target == SIZES.minimum

    demand.expect(ASKED_S * 2, 50)
    assert demand.claim(ASKED_S * 2).target == SIZES.maximum
