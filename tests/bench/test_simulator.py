"""The simulator: what it reports must follow from its own rules, small and fast."""

import random
import statistics
from dataclasses import replace

import pytest

from bench.simulator.clock import Clock, Cores
from bench.simulator.model import Announced, Tally, World, simulate
from bench.simulator.policies import TO_ALL, Policy, adaptive, fixed, oracle, reactive
from bench.simulator.workload import (
    GROUP_BEGINS_S,
    HOUR_S,
    NEW,
    THINK_S,
    Press,
    a_class,
    day,
    group_start,
)

ONE = World()
SHORT_S = 1500.0
UNTIL_S = 4 * HOUR_S
POLICIES = (adaptive(), adaptive(told=3), fixed(1), fixed(4), reactive(), oracle())


def short_day(seed: int = 1) -> list[Press]:
    """A class of 20 minutes, another that overlaps it, and silence afterwards."""
    rng = random.Random(seed)  # noqa: S311 - a test must give the same each time
    presses = a_class(rng, "a", 100.0, SHORT_S) + a_class(rng, "b", 900.0, SHORT_S)
    return sorted(presses, key=lambda press: press.at_s)


def outcome(policy: Policy, world: World = ONE, seed: int = 1) -> Tally:
    """What comes of the short day, until the last pool is empty."""
    return simulate(short_day(seed), policy, world, until_s=UNTIL_S, seed=seed)


class TestCores:
    """Jobs share the simulated cores as a fair scheduler would have it."""

    def test_jobs_beside_each_other_slow_each_other_down(self) -> None:
        """Two jobs of a second on one core take two; a third that comes then takes one."""
        clock, ended_s = Clock(), []
        cores = Cores(clock, 1)
        for at_s in (0.0, 0.0, 2.0):
            clock.at(at_s, lambda: cores.run(1.0, lambda: ended_s.append(clock.now_s)))

        clock.run(10.0)

        assert ended_s == pytest.approx([2.0, 2.0, 3.0])

    def test_a_job_has_one_core_at_the_most(self) -> None:
        """Idle cores make nobody faster."""
        clock, ended_s = Clock(), []
        Cores(clock, 4).run(1.0, lambda: ended_s.append(clock.now_s))

        clock.run(10.0)

        assert ended_s == pytest.approx([1.0])


class TestWorkload:
    """When the learners of a class press."""

    def test_learners_press_every_30_s_on_average(self) -> None:
        """A class of 30 brings about one press a second."""
        presses = [press for seed in range(5) for press in group_start(seed, 3000.0)]

        assert len(presses) / 5 == pytest.approx(30 * 3000.0 / THINK_S, rel=0.1)

    def test_nights_are_empty(self) -> None:
        """All presses of a day are between 7 and 22 o'clock."""
        hours = [press.at_s / HOUR_S for press in day(1)]

        assert hours == sorted(hours)
        assert hours[0] >= 7
        assert hours[-1] < 22

    def test_the_same_seed_gives_the_same_day(self) -> None:
        """The same seed gives the same presses, and another seed gives others."""
        assert day(1) == day(1)
        assert day(1) != day(2)


@pytest.mark.parametrize("world", [ONE, World(3), World(3, one_host=True)], ids=repr)
@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name} {policy.told}")
def test_every_press_is_a_hit_or_a_miss_or_refused(policy: Policy, world: World) -> None:
    """No press gets lost, and each that was taken on has waited for its container."""
    tally = outcome(policy, world)

    assert tally.hits + tally.misses + tally.refused == len(short_day())
    assert len(tally.waits_s) == tally.hits + tally.misses
    assert tally.starts >= tally.hits + tally.misses


def test_nothing_waits_while_a_container_is_warm() -> None:
    """Presses one at a time on a refilled pool wait for nothing, but for the first."""
    presses = [Press(10.0 * number, "a", 0.3) for number in range(1, 50)]

    tally = simulate(presses, fixed(1), ONE, until_s=UNTIL_S)

    assert tally.misses == 1
    assert tally.waits_s[0] == pytest.approx(ONE.start_cpu_s)
    assert tally.waits_s[1:] == [0.0] * 48


def test_an_oracle_always_hits_and_keeps_least() -> None:
    """A policy that knows the future bounds what any other policy can reach."""
    best = outcome(oracle())

    assert best.misses == 0
    assert all(best.kept_s < outcome(policy).kept_s for policy in POLICIES[:-1])


def test_a_large_fixed_size_misses_nobody_once_it_is_warm() -> None:
    """A large pool of fixed size misses only the presses before its containers are there."""
    tally = outcome(fixed(12))

    assert tally.class_misses == 0
    assert tally.first_minute_misses <= 6


def test_a_fixed_size_keeps_that_many() -> None:
    """A pool of fixed size n costs n container-hours an hour, from its first press on."""
    tally = outcome(fixed(3))
    first_s = {press.image: press.at_s for press in reversed(short_day())}

    expected_s = sum(3 * (UNTIL_S - at_s) for at_s in first_s.values())

    assert tally.kept_s == pytest.approx(expected_s, rel=0.05)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: f"{policy.name} {policy.told}")
def test_the_same_seed_gives_the_same_result(policy: Policy) -> None:
    """A simulation is the same each time, with several replicas, too."""
    assert outcome(policy, World(3)) == outcome(policy, World(3))


def test_one_replica_has_nobody_to_tell() -> None:
    """One replica does with notices what it does without them."""
    assert outcome(adaptive(told=3)) == outcome(adaptive())


def test_told_nobody_is_without_notices() -> None:
    """With k = 0 no notice is sent, and no k tells more siblings than there are."""
    assert outcome(adaptive(told=0), World(3)).notices == 0
    assert outcome(adaptive(told=2), World(3)) == outcome(adaptive(told=TO_ALL), World(3))


def test_notices_are_one_a_second_at_most() -> None:
    """A replica sends one notice a second of an image: 50 presses in 5 s are told in 6."""
    presses = [Press(1 + number / 10, "a", 0.1) for number in range(50)]

    tally = simulate(presses, adaptive(told=1), World(2), until_s=60.0)

    assert tally.notices <= 2 * 6


def test_forgotten_pools_keep_nothing() -> None:
    """Ten minutes after the last press a pool is empty, and costs no more container-hours."""
    later = simulate(short_day(), adaptive(), ONE, until_s=2 * UNTIL_S, seed=1)

    assert later.kept_s == pytest.approx(outcome(adaptive()).kept_s)


def test_the_first_promise_holds_by_far() -> None:
    """Half the container-hours of the best fixed size give 99 % hits after the first minute."""

    def hit_rate(tally: Tally) -> float:
        return tally.class_hits / (tally.class_hits + tally.class_misses)

    ours = outcome(adaptive())
    best = next(tally for size in range(1, 13) if hit_rate(tally := outcome(fixed(size))) >= 0.99)

    assert hit_rate(ours) >= 0.99
    assert ours.kept_s < 0.5 * best.kept_s


def group_misses(
    policy: Policy, replicas: int = 12, starts: int = 12, announced: Announced | None = None
) -> float:
    """The mean of the misses at some starts of groups."""
    return statistics.mean(
        simulate(group_start(seed), policy, World(replicas), until_s=200.0, seed=seed,
                 announced=announced).misses
        for seed in range(starts)
    )  # fmt: skip


def test_the_second_promise_holds_when_the_first_notice_goes_to_all() -> None:
    """With 12 replicas a group that starts has 5 times fewer misses, and fewer still
    when announced.
    """
    without = group_misses(adaptive())
    to_all = adaptive(told=3, first_to_all=True)
    announced = Announced(NEW, GROUP_BEGINS_S - 30, tell=True)

    assert without / group_misses(to_all) >= 5
    assert group_misses(to_all, announced=announced) < 0.5


def test_three_told_are_better_than_none_but_not_by_five() -> None:
    """Telling three siblings is not enough, which is why the first notice should go to all."""
    without, three = group_misses(adaptive()), group_misses(adaptive(told=3))

    assert 2 < without / three < 5


def test_a_miss_that_resizes_at_once_is_no_worse() -> None:
    """A pool that resized later would wait for its first container before it starts a second."""
    assert group_misses(replace(adaptive(), resizes_on_miss=True), 1) <= group_misses(adaptive(), 1)
