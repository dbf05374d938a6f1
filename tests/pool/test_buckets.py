"""Durations, counted by how long they were."""

from pool import Buckets

INFINITE = float("inf")


def test_each_bound_has_what_is_at_or_below_it() -> None:
    """Counts add up from bound to bound, as Prometheus has them."""
    buckets = Buckets((1.0, 2.0), (0.5, 1.0, 1.5, 9.0))

    assert list(buckets.up_to()) == [(1.0, 2), (2.0, 3), (INFINITE, 4)]
    assert buckets.sum_s == 12.0


def test_buckets_of_the_same_bounds_add_up() -> None:
    """The buckets of pools that share a label are added up."""
    one, other = Buckets((1.0,), (0.5,)), Buckets((1.0,), (0.6, 7.0))

    one.add(other)

    assert list(one.up_to()) == [(1.0, 2), (INFINITE, 3)]


def test_a_copy_stays_as_it_is() -> None:
    """A copy of buckets does not change when the buckets do."""
    buckets = Buckets((1.0,), (0.5,))
    copied = buckets.copy()

    buckets.note(0.5)

    assert list(copied.up_to()) == [(1.0, 1), (INFINITE, 1)]
