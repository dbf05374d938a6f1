"""The simulator: what it reports must follow from its own rules, small and fast."""

import math
import random
from functools import cache

import pytest
from cyclopts import ValidationError

from bench.simulator.__main__ import app
from bench.simulator.experiments import Dates, days
from bench.simulator.policies import TO_ALL, TOLD, adaptive, fixed, reactive
from bench.simulator.replica import World
from bench.simulator.simulation import simulate
from bench.simulator.tally import Tally
from bench.simulator.workload import (
    HOUR_S,
    SMALL_DAY,
    THINK_S,
    WORKLOADS,
    Press,
    a_class,
    day,
    group_start,
    within,
)

ONE = World()
CELLS = World(cells=True)
UNTIL_S = HOUR_S / 3  # by then no policy keeps a container that it does not keep for ever
POLICIES = {
    "ours": adaptive(told=TOLD),
    "without notices": adaptive(),
    "fixed": fixed(3),
    "reactive": reactive(),
}


@cache
def short_day() -> list[Press]:
    """A class of five minutes, another that overlaps it, and silence afterwards."""
    rng = random.Random(1)  # noqa: S311 - a test must give the same each time
    presses = a_class(rng, "a", 100.0, 300.0) + a_class(rng, "b", 250.0, 300.0)
    return sorted(presses, key=lambda press: press.at_s)


@cache
def outcome(policy: str, world: World = ONE, until_s: float = UNTIL_S) -> Tally:
    """The result of a short day, until the last pool is empty."""
    return simulate(short_day(), POLICIES[policy], world, until_s=until_s, seed=1)


class TestWorkload:
    """What a class is."""

    def test_learners_press_every_30_s_on_average(self) -> None:
        """Thirty learners press about once a second, all together."""
        presses = [press for seed in range(5) for press in group_start(seed, 3000.0)]

        assert len(presses) / 5 == pytest.approx(30 * 3000.0 / THINK_S, rel=0.1)

    @pytest.mark.parametrize("kind", WORKLOADS)
    def test_nights_are_empty(self, kind: str) -> None:
        """All presses of a day are between 7 and 22 o'clock, in order."""
        hours = [press.at_s / HOUR_S for press in WORKLOADS[kind](1)]

        assert hours == sorted(hours)
        assert hours[0] >= 7
        assert hours[-1] < 22

    def test_the_same_seed_gives_the_same_day(self) -> None:
        """A seed gives the same presses each time, and another seed gives others."""
        first = day(1, classes=2)

        assert first == day(1, classes=2)
        assert first != day(2, classes=2)

    def test_hours_of_a_day_are_those_of_the_whole_day(self) -> None:
        """A few hours have the presses that the whole day has then, and no others."""
        presses = day(1)

        morning, later = within(presses, (0, 11)), within(presses, (11, 24))

        assert morning[-1].at_s < 11 * HOUR_S <= later[0].at_s
        assert morning + later == presses


def test_each_hour_is_simulated_until_its_end() -> None:
    """Hours in which nobody comes have no hit rate, and nothing is warm in them."""
    [empty] = days(Dates((1,), (2, 3)).jobs(fixed(1), ONE, SMALL_DAY), "an hour")

    assert math.isnan(empty.hit_rate)
    assert math.isnan(empty.wait_p99_s)
    assert empty.warm_hours == 0


@pytest.mark.parametrize("hours", ["9 9", "11 9", "0 7", "21 24", "9 25"])
def test_hours_in_which_nobody_comes_are_refused(hours: str) -> None:
    """Hours without a press are refused, because their table would be empty or
    divide by nothing.
    """
    with pytest.raises(ValidationError, match=r"hour|nobody"):
        app.parse_args(f"--hours {hours}", exit_on_error=False, print_error=False)


@pytest.mark.parametrize("world", [ONE, CELLS, World(3), World(3, one_host=True)], ids=repr)
@pytest.mark.parametrize("policy", POLICIES)
def test_every_press_is_a_hit_or_a_miss_or_refused(policy: str, world: World) -> None:
    """No press gets lost, and each that was taken on has waited for its container."""
    tally = outcome(policy, world)

    assert tally.hits + tally.misses + tally.refused == len(short_day())
    assert len(tally.waits_s) == tally.hits + tally.misses
    assert min(tally.waits_s) >= 0


@pytest.mark.parametrize("policy", POLICIES)
def test_single_use_takes_a_start_for_each_run(policy: str) -> None:
    """Each run has a container of its own, and some containers are discarded before any run."""
    tally = outcome(policy)

    assert tally.starts >= tally.hits + tally.misses


@pytest.mark.parametrize("policy", POLICIES)
def test_cells_serve_many_runs_with_few_starts(policy: str) -> None:
    """Cells take one start for dozens of runs: few containers, some of them again after a lull."""
    assert outcome(policy, CELLS).starts <= 60


def test_nothing_waits_while_a_container_is_warm() -> None:
    """Presses one at a time on a refilled pool wait for nothing, but for the first."""
    presses = [Press(10.0 * number, "a", 0.3) for number in range(1, 50)]

    tally = simulate(presses, fixed(1), ONE, until_s=UNTIL_S)

    assert tally.misses == 1
    assert tally.waits_s[0] == pytest.approx(ONE.start_cpu_s)
    assert tally.waits_s[1:] == [0.0] * 48


def test_a_reset_costs_what_it_costs() -> None:
    """A press right after a run in a cell waits for the reset, and counts as a hit."""
    presses = [Press(10.0, "a", 0.3), Press(10.0 + 0.35 + 0.3 + 0.001, "a", 0.3)]

    tally = simulate(presses, fixed(1), CELLS, until_s=60.0)

    assert (tally.hits, tally.misses) == (1, 1)
    assert tally.waits_s[1] == pytest.approx(CELLS.reset_cpu_s - 0.001)


def test_runs_and_starts_share_the_cores() -> None:
    """Two starts at once on one core take twice as long as one."""
    presses = [Press(10.0, "a", 0.3), Press(10.0, "a", 0.3)]

    tally = simulate(presses, fixed(1), World(cores=1), until_s=60.0)

    assert tally.waits_s[0] == pytest.approx(0.7)  # for two starts at once


def test_a_fixed_size_keeps_that_many() -> None:
    """A fixed size of n costs n container-hours an hour, from the first press of an image on."""
    tally = outcome("fixed")
    first_s = {press.image: press.at_s for press in reversed(short_day())}

    expected_s = sum(3 * (UNTIL_S - at_s) for at_s in first_s.values())

    assert tally.warm_s == pytest.approx(expected_s, rel=0.06)


@pytest.mark.parametrize("policy", ["ours", "reactive"])
def test_the_same_seed_gives_the_same_result(policy: str) -> None:
    """A simulation with the same seed counts the same, with several replicas, too."""
    again = simulate(short_day(), POLICIES[policy], World(3), until_s=UNTIL_S, seed=1)

    assert outcome(policy, World(3)) == again


def test_one_replica_has_nobody_to_tell() -> None:
    """A replica without siblings does with notices what it does without."""
    assert outcome("ours") == outcome("without notices")


def test_told_nobody_is_without_notices() -> None:
    """With 0 told no notice is sent, and no more siblings hear of a take than there are."""
    few = short_day()[:200]

    def of(told: int) -> Tally:
        return simulate(few, adaptive(told=told), World(3), until_s=few[-1].at_s + 60, seed=1)

    two = of(2)
    assert of(0).notices == 0
    assert 0 < of(1).notices < two.notices
    assert two == of(TO_ALL)


def test_notices_are_one_a_second_at_most() -> None:
    """A storm of 50 presses in 5 s makes each replica send 6 notices at the most."""
    presses = [Press(1 + number / 10, "a", 0.1) for number in range(50)]

    tally = simulate(presses, adaptive(told=1), World(2), until_s=60.0)

    assert 0 < tally.notices <= 2 * 6


@pytest.mark.parametrize("world", [ONE, CELLS], ids=["single use", "cells"])
def test_forgotten_pools_keep_nothing(world: World) -> None:
    """Minutes after the last press all containers are gone, and more time costs nothing."""
    later = outcome("ours", world, 2 * UNTIL_S)

    assert later.warm_s == pytest.approx(outcome("ours", world).warm_s)


def test_what_fails_in_the_background_fails_the_simulation() -> None:
    """An error in a notice ends the simulation, so that no figure comes of it."""
    presses = [Press(1.0, "No Image Is Called So", 0.3)]

    with pytest.raises(ValueError, match="malformed image name"):
        simulate(presses, adaptive(told=1), World(2), until_s=60.0)
