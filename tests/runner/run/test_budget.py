"""How the time of one request is shared out."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.run.budget import (
    LAST_MOMENT_S,
    LATEST_S,
    SHORTEST_LIMIT_S,
    SHORTEST_QUEUE_S,
    deadline_before_stop,
    had_words,
    limit_s,
    needed_s,
    worst_s,
)


def test_a_warm_start_takes_nothing_from_the_program() -> None:
    """With the whole of the default budget left, the default limit is what was asked for."""
    assert limit_s(20, 25) == 20
    assert limit_s(20, 22) == 20
    assert worst_s(20) == 25


def test_what_queue_and_start_have_taken_is_cut_off_the_limit() -> None:
    """Two seconds are kept for the program's end and the harvest."""
    assert limit_s(20, 18) == 16
    assert limit_s(20, 2.5) == SHORTEST_LIMIT_S


def test_with_no_time_left_no_program_is_begun() -> None:
    """A limit of next to nothing would be a time-out that is nobody's fault."""
    assert limit_s(20, 0.9) is None
    assert limit_s(0.3, 0.2) is None
    assert limit_s(0.3, 0.4) == 0.3


@given(st.floats(0.1, 60), st.floats(-10, 120))
def test_a_limit_is_never_more_than_was_asked_for_or_is_left(asked_s: float, left_s: float) -> None:
    """A program's limit is never more than was asked for, nor more than the time that is left."""
    limit = limit_s(asked_s, left_s)

    assert limit is None or 0 < limit <= min(asked_s, left_s)


def test_the_last_moment_ends_before_the_latest_answer() -> None:
    """Which itself leaves time to write it within the budget and a second."""
    assert LAST_MOMENT_S < LATEST_S < 1


SECONDS = st.floats(0, 120)


def test_a_run_waits_for_as_long_as_others_of_its_image_leave_it_time() -> None:
    """What runs of the image really take decides how long a run may wait, and not its limit."""
    assert needed_s(20, 0.0, 25) == needed_s(20, 1.0, 25) == 3
    assert needed_s(20, 8.0, 25) == 8
    assert needed_s(20, 40.0, 25) == 22
    assert needed_s(1, 40.0, 25) == worst_s(1)


@given(st.floats(0.1, 60), SECONDS, st.floats(1, 120))
def test_what_a_run_must_have_left_is_within_its_budget(
    asked_s: float, usual_s: float, budget_s: float
) -> None:
    """Every run may wait for a moment, and none for longer than its budget."""
    needed = needed_s(asked_s, usual_s, budget_s)

    assert 0 <= needed <= max(0.0, budget_s - SHORTEST_QUEUE_S)
    assert needed <= worst_s(asked_s)


@given(st.floats(0.1, 60), SECONDS, SECONDS, SECONDS)
def test_slower_images_need_no_less(
    asked_s: float, usual_s: float, more_s: float, budget_s: float
) -> None:
    """What is needed never falls when runs take longer, or when they ask for more."""
    needed = needed_s(asked_s, usual_s, budget_s)

    assert needed_s(asked_s, usual_s + more_s, budget_s) >= needed
    assert needed_s(asked_s + more_s, usual_s, budget_s) >= needed


@given(st.floats(0.1, 60), st.floats(0, 120), SECONDS)
def test_a_limit_is_never_cut_below_what_is_usual(
    asked_s: float, left_s: float, usual_s: float
) -> None:
    """A program gets what others of its image take, within what it asks for, or it is not begun."""
    limit = limit_s(asked_s, left_s, usual_s)

    least_s = min(asked_s, max(usual_s, SHORTEST_LIMIT_S))
    assert (limit is None) == (left_s < least_s)
    assert limit is None or least_s <= limit <= min(asked_s, left_s)


@given(st.floats(1, 60), SECONDS, st.floats(25, 120))
def test_who_gets_a_place_in_time_has_time_for_a_program(
    asked_s: float, usual_s: float, budget_s: float
) -> None:
    """With what a run must have left, a program that takes what is usual is begun at once."""
    needed = needed_s(asked_s, usual_s, budget_s)
    usual_s = min(usual_s, budget_s - SHORTEST_QUEUE_S)

    assert limit_s(asked_s, needed, usual_s) is not None


@pytest.mark.parametrize(
    ("last_s", "usual_s", "deadline_s"),
    [
        (math.inf, 0, 125),  # no stop
        (106, 0, 106 - LATEST_S),
        (106, 4, 106 - LATEST_S),
        (106, 8, 125),  # it would not be begun, and might be quick
        (102, 0, 125),
        (200, 0, 125),
    ],
)
def test_a_stop_cuts_the_time_of_a_program_that_begins_before_it(
    last_s: float, usual_s: float, deadline_s: float
) -> None:
    """A stop cuts the deadline of a program that begins before it, so that its output can be
    returned. With too little time left it does not.
    """
    assert deadline_before_stop(125, last_s, 100, usual_s) == deadline_s


def test_the_words_for_a_limit_say_when_it_was_cut() -> None:
    """A learner whose program had less time than the start point allows is told so."""
    assert had_words(10.0, 10.0) == "10 s"
    assert had_words(7.3456, 20.0).startswith("7.35 s of 20 s: ")
