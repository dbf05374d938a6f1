"""After failures an image is tried later and later."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool import EngineError, UnansweredError
from pool.breaker import FIRST_PAUSE_S, FORGIVEN_AFTER_S, LONGEST_PAUSE_S, SOON_S, Breaker

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
    """The pauses after failures in a row are one second, two, four, ... and never over a minute."""
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
    """A start that was begun before the pause does not make the next pause longer when it fails."""
    breaker, later = Breaker(), EngineError("start", "no bash either")
    breaker.failed(ERROR, 100.0)

    breaker.failed(later, 100.5)

    assert breaker.pause_s(100.5) == 0.5
    assert breaker.last_error is later


def test_failures_add_up_across_a_success() -> None:
    """An image whose containers start well and then die is tried at longer and
    longer pauses, too.
    """
    breaker = Breaker()
    breaker.failed(ERROR, 100.0)
    breaker.succeeded()

    breaker.failed(ERROR, 102.0)

    assert breaker.pause_s(102.0) == 2 * FIRST_PAUSE_S


def test_old_failures_are_forgiven() -> None:
    """A failure long after the last one has the first pause again."""
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


# What may be the engine's own trouble

REFUSED = UnansweredError("create", "cannot connect to the engine")
STUMBLED = EngineError("create", "internal error", status=500)
FAULT = EngineError("start", "no bash")
MISSING = EngineError("create", "no such command", status=400)


def failed_often(error: EngineError) -> tuple[Breaker, float]:
    """A breaker that is to stay open for a minute, and when its last start failed."""
    breaker, now_s = Breaker(), 1000.0
    for _ in range(9):
        now_s += breaker.pause_s(now_s)
        breaker.failed(error, now_s)
    return breaker, now_s


@pytest.mark.parametrize("error", [REFUSED, STUMBLED])
def test_a_learner_is_a_reason_to_try_soon(error: EngineError) -> None:
    """Two seconds after a failure of the engine's a learner who waits is served by a start."""
    breaker, now_s = failed_often(error)

    assert breaker.refuses(now_s + SOON_S - 0.01) is error
    assert breaker.refuses(now_s + SOON_S) is None
    assert breaker.pause_s(now_s + SOON_S) == LONGEST_PAUSE_S - SOON_S


def test_each_failure_for_a_learner_is_two_seconds_of_peace() -> None:
    """After a start for a learner has failed, the next one waits for two seconds, too."""
    breaker, now_s = failed_often(STUMBLED)

    breaker.failed(STUMBLED, now_s + 5)

    assert breaker.refuses(now_s + 5 + SOON_S - 0.01) is STUMBLED
    assert breaker.refuses(now_s + 5 + SOON_S) is None


@pytest.mark.parametrize("error", [FAULT, MISSING])
def test_a_fault_of_the_image_is_not_tried_again_for_a_learner(error: EngineError) -> None:
    """A fault of the image itself is not tried again before the end of the pause."""
    breaker, now_s = failed_often(error)

    assert breaker.refuses(now_s + LONGEST_PAUSE_S - 0.01) is error
    assert breaker.refuses(now_s + LONGEST_PAUSE_S) is None


def test_an_engine_that_works_for_others_shortens_the_pause() -> None:
    """A container of another image that was started ends the pause two seconds after the failure,
    but not one that the image itself is to blame for.
    """
    passing, passed_s = failed_often(STUMBLED)
    lasting, lasted_s = failed_often(FAULT)

    passing.engine_works()
    lasting.engine_works()

    assert passing.pause_s(passed_s) == SOON_S
    assert passing.on_trial
    assert lasting.pause_s(lasted_s) == LONGEST_PAUSE_S


def test_an_image_that_the_engine_alone_refuses_is_still_tried_later_and_later() -> None:
    """The success of other images shortens one pause; the next is twice as long all the same."""
    breaker, now_s = failed_often(STUMBLED)
    breaker.engine_works()

    breaker.failed(STUMBLED, now_s + SOON_S)

    assert breaker.pause_s(now_s + SOON_S) == LONGEST_PAUSE_S
