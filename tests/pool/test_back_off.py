"""Pauses between failed attempts."""

from hypothesis import given
from hypothesis import strategies as st

from pool.back_off import BackOff


def test_each_pause_is_twice_the_one_before_up_to_the_longest() -> None:
    """Failures in a row are tried again later and later, but never later than `longest_s`."""
    back_off = BackOff(first_s=1.0, longest_s=10.0)

    assert [back_off.failed() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_a_success_makes_the_next_pause_the_first_one_again() -> None:
    """After a success the next failure has the first pause again."""
    back_off = BackOff(first_s=0.5, longest_s=10.0)
    back_off.failed()
    back_off.failed()

    back_off.succeeded()

    assert back_off.failed() == 0.5


@given(st.integers(0, 5000), st.floats(0.001, 10), st.floats(10, 1000))
def test_however_many_failures_the_pause_stays_within_its_bounds(
    failures: int, first_s: float, longest_s: float
) -> None:
    """Years of failures neither overflow nor end the pauses."""
    back_off = BackOff(first_s, longest_s)
    for _ in range(failures):
        back_off.failed()

    assert first_s <= back_off.failed() <= longest_s
