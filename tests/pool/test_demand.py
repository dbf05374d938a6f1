"""Demand: two decaying averages."""

import pytest

from pool.demand import FAST_S, SLOW_S, Demand


def test_nobody_wants_what_was_never_wanted() -> None:
    """No event, no rate."""
    assert Demand().rate(now_s=1000.0) == 0


@pytest.mark.parametrize("per_second", [0.05, 1.0, 4.0])
def test_a_steady_rate_is_found(per_second: float) -> None:
    """After a while the estimate is the rate, whatever it is, to within a tenth of a second."""
    demand = Demand()
    for event in range(int(5 * SLOW_S * per_second)):
        demand.note(event / per_second)

    estimate = demand.rate(5 * SLOW_S)

    assert estimate == pytest.approx(per_second, rel=0.1, abs=1 / FAST_S)


def test_a_burst_is_seen_within_seconds() -> None:
    """The fast average answers when a class begins."""
    demand = Demand()
    for press in range(30):
        demand.note(press / 6)

    assert demand.rate(5.0) > 1.0


def test_a_lull_is_bridged_by_the_slow_average() -> None:
    """A minute after half an hour of steady use more than half of the rate is left."""
    demand = Demand()
    for second in range(1800):
        demand.note(float(second))

    assert 0.5 < demand.rate(1860.0) < 1.0


def test_an_event_may_weigh_less() -> None:
    """A sibling's take is not ours."""
    ours, siblings = Demand(), Demand()
    ours.note(0.0)
    siblings.note(0.0, weight=0.25)

    assert siblings.rate(1.0) == pytest.approx(ours.rate(1.0) / 4)


def test_a_clock_that_stands_still_or_steps_back_does_no_harm() -> None:
    """Events of one moment add up; an older one is as good as one of now."""
    demand = Demand()
    for now_s in (10.0, 10.0, 9.0):
        demand.note(now_s)

    assert demand.rate(10.0) == pytest.approx(3 / FAST_S)
    assert demand.last_s == 10.0
