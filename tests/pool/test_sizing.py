"""Sizing: pure functions."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.sizing import UNKNOWN_TIME_S, Sizes, may_yield, mean, wanted, worth_keeping

SIZES = Sizes(minimum=1, maximum=10, worth_s=250)


def test_the_mean_of_nothing_is_a_guess() -> None:
    """Without a measured time the mean is a guess, because a target is needed from the start."""
    assert mean([]) == UNKNOWN_TIME_S
    assert mean([1.0, 2.0]) == 1.5


@pytest.mark.parametrize(
    ("rate", "replaced_s", "count"),
    [
        (0.0, 0.4, 0),
        (1 / 300, 0.4, 0),  # one miss in five minutes is not worth a container
        (1 / 30, 0.4, 1),  # a lone learner
        (1 / 12, 0.4, 1),  # a twelfth of a class
        (1.0, 0.4, 4),  # a class of thirty
        (1.0, 4.0, 11),  # the same class, with an image that starts slowly
        (100.0, 0.4, 12),
        (1e6, 1e6, 12),
    ],
)
def test_a_container_is_kept_for_one_miss_in_250_seconds(
    rate: float, replaced_s: float, count: int
) -> None:
    """More takes, and containers that are away for longer, make more containers worth keeping."""
    assert worth_keeping(rate, replaced_s, 250.0, most=12) == count


@given(st.floats(0, 5), st.floats(0.01, 5), st.floats(1, 5000))
def test_a_container_that_may_be_worth_less_is_no_fewer(
    rate: float, replaced_s: float, worth_s: float
) -> None:
    """If a container may be worth less, at least as many are kept."""
    assert worth_keeping(rate, replaced_s, worth_s, 50) <= worth_keeping(
        rate, replaced_s, 2 * worth_s, 50
    )


@given(st.integers(0, 2**32))
def test_the_last_container_is_worth_its_keep(seed: int) -> None:
    """Among drawn takes the last container kept is worth about what is asked; one more is not."""
    rng = random.Random(seed)  # noqa: S311 - a test must give the same each time
    rate, replaced_s, worth_s = 1.0, rng.uniform(0.2, 2.0), 100.0
    count = worth_keeping(rate, replaced_s, worth_s, most=50)
    away = [poisson(rng, rate * replaced_s) for _ in range(4000)]

    saved_by_last = away.count(count - 1) * rate / len(away)
    saved_by_next = away.count(count) * rate / len(away)

    assert saved_by_last > 0.5 / worth_s
    assert saved_by_next < 2 / worth_s


def poisson(rng: random.Random, expected: float) -> int:
    """How many arrivals there are in a time that brings so many on average."""
    arrivals, time = 0, rng.expovariate(1)
    while time < expected:
        arrivals += 1
        time += rng.expovariate(1)
    return arrivals


def test_what_is_wanted_is_within_the_sizes() -> None:
    """The minimum and the maximum hold, and the spare ones come on top of what is worth it."""
    assert wanted(0.0, 0.4, SIZES) == SIZES.minimum
    assert wanted(0.0, 0.4, SIZES, least=1, spare=2) == 3
    assert wanted(1.0, 0.4, SIZES, spare=2) == 6
    assert wanted(100.0, 1.0, SIZES, spare=2) == SIZES.maximum


class TestMayYield:
    """A refill waits for runs, or does not."""

    @pytest.mark.parametrize(
        ("warm", "enough", "running", "waited_s", "yields"),
        [
            (3, 2, 1, 0.0, True),
            (2, 2, 1, 0.0, True),
            (2, 2, 0, 0.0, False),  # there is no run to yield to
            (1, 2, 1, 0.0, False),  # more would be taken meanwhile
            (3, 2, 9, 2.0, False),  # it has waited long enough
        ],
    )
    def test_rule(
        self, warm: int, enough: int, running: int, waited_s: float, yields: bool
    ) -> None:
        """A refill waits while kata run and enough are warm, for two seconds at the longest."""
        assert may_yield(warm, enough, running, waited_s) is yields


@pytest.mark.parametrize("sizes", [(-1, 2, 0), (3, 2, 0), (0, 2, -1)])
def test_sizes_that_make_no_sense_are_refused(sizes: tuple[int, int, int]) -> None:
    """Nonsense is refused when the sizes are built, and the error names the field."""
    minimum, maximum, spare = sizes
    with pytest.raises(ValueError, match=r"minimum|spare"):
        Sizes(minimum, maximum, spare)
