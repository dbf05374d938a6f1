"""After failures an image is tried later and later."""

from hypothesis import given
from hypothesis import strategies as st

from pool import EngineError
from pool.breaker import FIRST_PAUSE_S, FORGIVEN_AFTER_S, LONGEST_PAUSE_S, Breaker

ERROR = EngineError("start", "no bash")


def test_a_new_breaker_is_closed() -> None:
    """An image that never failed may be started now."""
    assert Breaker().pause_s(5.0) == 0
    assert Breaker().last_error is None


def test_a_failure_opens_it() -> None:
    """After a failure there is a pause, and the error is kept."""
    breaker = Breaker()

    breaker.failed(ERROR, 100.0)

    assert breaker.pause_s(100.0) == FIRST_PAUSE_S
    assert breaker.last_error is ERROR


def test_it_closes_when_the_pause_is_over() -> None:
    """The pause runs down with the clock, to nothing and no further."""
    breaker = Breaker()
    breaker.failed(ERROR, 100.0)

    assert breaker.pause_s(100.25) == 0.75
    assert breaker.pause_s(101.0) == 0
    assert breaker.pause_s(500.0) == 0


def test_each_failure_in_a_row_doubles_the_pause() -> None:
    """One second, two, four, ... up to a minute, and never more."""
    breaker, now_s, pauses = Breaker(), 0.0, []
    for _ in range(9):
        breaker.failed(ERROR, now_s)
        pauses.append(breaker.pause_s(now_s))
        now_s += pauses[-1]

    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_success_closes_it_at_once() -> None:
    """A start that succeeded shows that the image can be started."""
    breaker = Breaker()
    breaker.failed(ERROR, 100.0)

    breaker.succeeded()

    assert breaker.pause_s(100.0) == 0
    assert breaker.last_error is None


def test_starts_that_fail_together_are_one_failure() -> None:
    """What was begun before the pause does not make the next pause longer."""
    breaker, later = Breaker(), EngineError("start", "no bash either")
    breaker.failed(ERROR, 100.0)

    breaker.failed(later, 100.5)

    assert breaker.pause_s(100.5) == 0.5
    assert breaker.last_error is later


def test_failures_add_up_across_a_success() -> None:
    """What starts well and then dies, again and again, is tried later and later too."""
    breaker = Breaker()
    breaker.failed(ERROR, 100.0)
    breaker.succeeded()

    breaker.failed(ERROR, 102.0)

    assert breaker.pause_s(102.0) == 2 * FIRST_PAUSE_S


def test_old_failures_are_forgiven() -> None:
    """A failure long after the last one is the first of its kind."""
    breaker = Breaker()
    breaker.failed(ERROR, 100.0)

    breaker.failed(ERROR, 100.0 + FORGIVEN_AFTER_S + 1)

    assert breaker.pause_s(100.0 + FORGIVEN_AFTER_S + 1) == FIRST_PAUSE_S


def test_is_on_trial_from_a_failure_to_a_success() -> None:
    """The end of a pause does not show that the image works: a start does."""
    breaker = Breaker()
    assert not breaker.on_trial

    breaker.failed(ERROR, 100.0)
    assert breaker.on_trial
    breaker.succeeded()

    assert not breaker.on_trial


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 150)), max_size=50))
def test_a_pause_is_never_longer_than_a_minute(events: list[tuple[bool, int]]) -> None:
    """Whatever happens in whatever order, the image is tried again within a minute."""
    breaker, now_s = Breaker(), 0.0
    for failed, passed_s in events:
        now_s += passed_s
        if failed:
            breaker.failed(ERROR, now_s)
        else:
            breaker.succeeded()
        assert 0 <= breaker.pause_s(now_s) <= LONGEST_PAUSE_S
