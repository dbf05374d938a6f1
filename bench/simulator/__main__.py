"""`make simulate`: days of classes and group starts, tables and pictures."""

import time
from pathlib import Path

from cyclopts import App

from bench.simulator import plots, report
from bench.simulator.experiments import (
    Day,
    DayJob,
    GroupJob,
    best_fixed,
    best_fixed_each,
    days,
    fixed_days,
    group_misses,
    sampled_day,
    variants,
)
from bench.simulator.model import World
from bench.simulator.policies import TO_ALL, Policy, adaptive, oracle, reactive

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"
EACH = "fixed by language"
GROUP_REPLICAS = (1, 2, 4, 6, 8, 12)

app = App(name="python -m bench.simulator", help="Days of classes in virtual time.")


@app.default
def main(
    *,
    seed: int = 1,
    day_count: int = 3,
    replicas: tuple[int, ...] = (1, 4, 12),
    cores: int = 4,
    group_starts: int = 100,
    one_host: bool = False,
    in_turns: bool = False,
    settings: bool = False,
    pictures: Path = PICTURES,
) -> None:
    """Print the tables, and write the pictures.

    Parameters
    ----------
    seed
        Of the first day; the next ones follow.
    day_count
        How many days of each kind.
    replicas
        How many replicas share the day's classes.
    cores
        Of each host.
    group_starts
        How many of each kind.
    one_host
        All replicas on one host, instead of one each.
    in_turns
        The load balancer deals presses out in turns, not at random.
    settings
        Instead: the daemon's settings, one changed at a time.
    pictures
        Where they go.
    """
    began_s = time.monotonic()
    seeds = tuple(range(seed, seed + day_count))
    worlds = [
        World(number, cores=cores, one_host=one_host, in_turns=in_turns) for number in replicas
    ]
    if settings:
        _settings(worlds, seeds, group_starts)
    else:
        _days(worlds, seeds, pictures)
        _groups(World(cores=cores, one_host=one_host, in_turns=in_turns), group_starts, pictures)
    report.console.print(f"{time.monotonic() - began_s:.0f} s")


def _days(worlds: list[World], seeds: tuple[int, ...], pictures: Path) -> None:
    """All policies over whole days, and the first promise."""
    ours = [adaptive("without notices"), adaptive("with notices", told=3, first_to_all=True)]
    everything: dict[int, dict[str, list[Day]]] = {}
    promise = {}
    for world in worlds:
        fixed = fixed_days(world, seeds)
        best = [best_fixed(fixed, seed) for seed in seeds]
        jobs = [DayJob(policy, world, seed) for policy in (*ours, reactive(), oracle())
                for seed in seeds]  # fmt: skip
        jobs += [DayJob(best_fixed_each(EACH, fixed, seed), world, seed) for seed in seeds]
        rest = days(jobs, f"other policies, {world.replicas} replicas")
        by_policy = _by_policy([*fixed, *rest])
        each = by_policy.pop(EACH)
        report.days_table(
            f"{len(seeds)} days, {world.replicas} replica(s)",
            {**by_policy, EACH: each},
        )
        everything[world.replicas] = by_policy
        for policy in ours:
            name = f"{policy.name}, {world.replicas} replica(s)"
            promise[name] = (by_policy[policy.name], best)
            promise[f"{name}, by language"] = (by_policy[policy.name], each)
    report.promise_1(promise)
    plots.trade_off(everything, pictures)
    samples = sampled_day(adaptive(), worlds[0], seeds[0], "python")
    plots.day(samples, "python", pictures)


def _by_policy(found: list[Day]) -> dict[str, list[Day]]:
    by_policy: dict[str, list[Day]] = {}
    for one in found:
        by_policy.setdefault(one.policy, []).append(one)
    return by_policy


def _groups(like: World, group_starts: int, pictures: Path) -> None:
    """The start of a group with and without notices, and the second promise."""
    seeds = tuple(range(group_starts))
    worlds = [
        World(number, cores=like.cores, one_host=like.one_host, in_turns=like.in_turns)
        for number in GROUP_REPLICAS
    ]
    without, told_3, of_the_first_all = "without notices", "3 told", "3 told, of the first all"
    pulled, pulled_and_told = "pulled before", "pulled before, which all are told"
    ways: dict[str, tuple[Policy, bool, bool]] = {
        without: (adaptive(), False, False),
        "1 told": (adaptive(told=1), False, False),
        told_3: (adaptive(told=3), False, False),
        of_the_first_all: (adaptive(told=3, first_to_all=True), False, False),
        "all told": (adaptive(told=TO_ALL), False, False),
        "all told, a miss resizes at once": (
            adaptive(told=TO_ALL, resizes_on_miss=True), False, False,
        ),
        pulled: (adaptive(told=3, first_to_all=True), True, False),
        pulled_and_told: (adaptive(told=3, first_to_all=True), True, True),
        "reactive": (reactive(), False, False),
    }  # fmt: skip
    jobs = [
        GroupJob(policy, world, seeds, is_pulled, is_told)
        for policy, is_pulled, is_told in ways.values()
        for world in worlds
    ]
    found = iter(group_misses(jobs, "group starts"))
    misses = {name: {number: next(found) for number in GROUP_REPLICAS} for name in ways}
    report.groups_table(misses)
    report.promise_2(misses[without], {name: of for name, of in misses.items() if name != without})
    shown = (without, told_3, of_the_first_all, pulled, pulled_and_told)
    plots.groups({name: misses[name] for name in shown}, pictures)


def _settings(worlds: list[World], seeds: tuple[int, ...], group_starts: int) -> None:
    """The daemon's policy with one thing changed: days, and misses of a group's start."""
    group_seeds = tuple(range(group_starts))
    for world in worlds:
        policies = variants()
        found = days([DayJob(policy, world, seed) for policy in policies for seed in seeds],
                     f"settings, {world.replicas} replicas")  # fmt: skip
        report.days_table(
            f"{len(seeds)} days, {world.replicas} replica(s), one thing changed",
            _by_policy(found),
        )
        jobs = [GroupJob(policy, world, group_seeds) for policy in policies]
        misses = group_misses(jobs, "group starts")
        report.groups_table(
            {policy.name: {world.replicas: of}
             for policy, of in zip(policies, misses, strict=True)}
        )  # fmt: skip


if __name__ == "__main__":
    app()
