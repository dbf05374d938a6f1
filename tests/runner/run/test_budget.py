"""How the time of one request is shared out."""

from hypothesis import given
from hypothesis import strategies as st

from runner.run.budget import LAST_MOMENT_S, LATEST_S, SHORTEST_LIMIT_S, limit_s, worst_s


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
    """Whatever is asked for, and however late it is."""
    limit = limit_s(asked_s, left_s)

    assert limit is None or 0 < limit <= min(asked_s, left_s)


def test_the_last_moment_ends_before_the_latest_answer() -> None:
    """Which itself leaves time to write it within the budget and a second."""
    assert LAST_MOMENT_S < LATEST_S < 1
