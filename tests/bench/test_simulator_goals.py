"""What the policy promises, on days that are short enough for a test; see docs/simulator.md."""

import random
import statistics
from functools import cache

import pytest

from bench.simulator.policies import TOLD, Policy, adaptive, fixed, reactive
from bench.simulator.replica import World
from bench.simulator.simulation import Announced, simulate
from bench.simulator.tally import Tally
from bench.simulator.workload import (
    GROUP_BEGINS_S,
    NEW,
    Press,
    a_class,
    group_start,
)
from tests.examples import examples

OURS = adaptive("ours", told=TOLD)
WORLDS = [World(), World(cells=True), World(12), World(12, cells=True)]
NAMES = ["1 single", "1 cells", "12 single", "12 cells"]
# Every virtual second costs twelve replicas a decision each, so no day is longer than it must be.
CLASS_BEGINS_S, CLASS_LASTS_S = 700.0, 600.0
EMPTY_S = 2000.0  # by then no policy has kept a container
GROUP_LASTS_S = 60.0


@cache
def short_day() -> list[Press]:
    """A class of ten minutes, and a lone learner before it."""
    rng = random.Random(3)  # noqa: S311 - a test must give the same each time
    presses = a_class(rng, "a:1", CLASS_BEGINS_S, CLASS_LASTS_S)
    presses += [Press(100.0 + 30 * number, "b:1", 0.3) for number in range(20)]
    return sorted(presses, key=lambda press: press.at_s)


@cache
def outcome(policy: Policy, world: World) -> Tally:
    """The result of a short day, until the last pool is empty."""
    return simulate(short_day(), policy, world, until_s=EMPTY_S, seed=1)


def class_hit_rate(tally: Tally) -> float:
    """The hits after the class's first minute."""
    return tally.class_hits / (tally.class_hits + tally.class_misses)


@cache
def mean_misses(policy: Policy, world: World, starts: int, *, is_pulled: bool = False) -> float:
    """When a group begins, the mean of some group starts."""
    announced = Announced(NEW, GROUP_BEGINS_S - 50, tell=True) if is_pulled else None
    until_s = GROUP_BEGINS_S + GROUP_LASTS_S + 1
    days = ((group_start(seed, GROUP_LASTS_S), seed) for seed in range(starts))
    return statistics.mean(
        simulate(day, policy, world, until_s=until_s, seed=seed, announced=announced).misses
        for day, seed in days
    )


REACTIVE = reactive()


@pytest.mark.parametrize("world", WORLDS, ids=NAMES)
class TestAgainstReactiveGrowth:
    """On one replica and on twelve, in single use and in cells."""

    def test_as_many_hits_in_class(self, world: World) -> None:
        """The policy hits at least as often in a class as reactive growth does."""
        assert class_hit_rate(outcome(OURS, world)) >= class_hit_rate(outcome(REACTIVE, world))

    def test_no_more_warm_container_hours(self, world: World) -> None:
        """The policy keeps no more containers warm than reactive growth does."""
        assert outcome(OURS, world).warm_s <= outcome(REACTIVE, world).warm_s

    def test_half_of_the_misses_when_a_group_begins(self, world: World) -> None:
        """A group in a new language misses at most half as often as with reactive growth."""
        starts = examples(15) if world.replicas == 1 else 6

        ours, theirs = mean_misses(OURS, world, starts), mean_misses(REACTIVE, world, starts)

        assert ours <= theirs / 2


def test_half_of_the_warm_hours_of_the_best_fixed_size() -> None:
    """The policy costs half of the smallest fixed size that has 99 % hits in class."""
    ours = outcome(OURS, World())
    sizes = (outcome(fixed(size), World()) for size in range(2, 8))
    best = next(tally for tally in sizes if class_hit_rate(tally) >= 0.99)

    assert class_hit_rate(ours) >= 0.99
    assert ours.warm_s < 0.5 * best.warm_s


def test_five_times_fewer_misses_with_notices() -> None:
    """Twelve replicas miss five times less with notices, and hardly ever after a pull."""
    without = mean_misses(adaptive(), World(12), 6)

    assert without / mean_misses(OURS, World(12), 6) >= 5
    assert mean_misses(OURS, World(12), 6, is_pulled=True) < 0.5
