"""Sizing: pure functions."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.sizing import UNKNOWN_FILL_S, Sizes, may_yield, most_taken, p95, wanted

SIZES = Sizes(minimum=1, maximum=10, spare=2, keep_s=600, cool_down_s=30)


def test_p95_of_nothing_is_a_guess() -> None:
    """Before the first start a target is needed, too."""
    assert p95([]) == UNKNOWN_FILL_S


def test_p95_leaves_one_in_twenty_above() -> None:
    """Of 20 times it is the second longest."""
    assert p95([float(number) for number in range(1, 21)]) == 19.0


@pytest.mark.parametrize(
    ("rate", "fill_s", "expected"),
    [(0.0, 1.0, 2), (0.1, 1.0, 3), (1.0, 1.0, 6), (2.0, 0.5, 6), (2.0, 1.0, 8), (100.0, 1.0, 10)],
)
def test_wanted_is_what_is_taken_during_a_start_and_some_to_spare(
    rate: float, fill_s: float, expected: int
) -> None:
    """Rate x time to warm, a safety stock, and the spare; at most the maximum."""
    assert wanted(rate, fill_s, wanted_ago_s=1.0, sizes=SIZES) == expected


@pytest.mark.parametrize("ago_s", [601.0, math.inf])
def test_what_nobody_wants_any_more_keeps_the_minimum(ago_s: float) -> None:
    """Spare ones are for images in use."""
    assert wanted(0.001, 1.0, ago_s, SIZES) == SIZES.minimum


@given(st.floats(0.01, 200))
def test_the_safety_stock_covers_99_of_100(expected: float) -> None:
    """Of a Poisson distribution; not by much more."""
    rng = random.Random(expected)  # noqa: S311 - a test must give the same each time
    drawn = sorted(poisson(rng, expected) for _ in range(400))

    stock = most_taken(expected)

    assert stock >= drawn[int(0.95 * len(drawn))]
    assert stock <= expected + 3 * math.sqrt(expected) + 1


def poisson(rng: random.Random, expected: float) -> int:
    """How many arrivals there are in a time that brings so many on average."""
    arrivals, time = 0, rng.expovariate(1)
    while time < expected:
        arrivals += 1
        time += rng.expovariate(1)
    return arrivals


class TestMayYield:
    """A refill waits for runs, or does not."""

    @pytest.mark.parametrize(
        ("warm", "rate", "running", "waited_s", "yields"),
        [
            (3, 0.1, 1, 0.0, True),
            (3, 0.1, 0, 0.0, False),  # nobody to yield to
            (0, 0.0, 1, 0.0, False),  # the next take would miss
            (3, 1.5, 1, 0.0, False),  # three would be taken meanwhile
            (3, 0.1, 9, 2.0, False),  # it has waited long enough
        ],
    )
    def test_rule(
        self, warm: int, rate: float, running: int, waited_s: float, yields: bool
    ) -> None:
        """While kata run, enough are warm, and for two seconds at the longest."""
        assert may_yield(warm, rate, running, waited_s) is yields
