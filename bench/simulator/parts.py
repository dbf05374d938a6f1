"""The parts of `make simulate`: each simulates what it needs, prints tables and draws pictures."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bench.simulator import plots, report
from bench.simulator.experiments import (
    Dates,
    Day,
    GroupJob,
    best_fixed,
    best_fixed_each,
    days,
    fixed_days,
    group_misses,
    sampled_day,
    variants,
)
from bench.simulator.goals import Comparison
from bench.simulator.policies import TOLD, Policy, adaptive, reactive
from bench.simulator.replica import World
from bench.simulator.workload import SCHOOL_DAY, SMALL_DAY, WORKLOADS
from pool.sizing import Sizes

EACH = "fixed by language"
GROUP_REPLICAS = (1, 2, 4, 8, 12)
FRONTIER_WORTH_S = (100.0, 200.0, 400.0, 800.0)
FRONTIER_KEEP_S = (150.0, 300.0, 600.0, 1200.0)


def comparison(worlds: Sequence[World], dates: Dates, group_starts: int) -> None:
    """Our policy and reactive growth: the three goals, in each world."""
    ours, theirs = adaptive("ours", told=TOLD), reactive()
    jobs = [job for world in worlds for policy in (ours, theirs)
            for job in dates.jobs(policy, world)]  # fmt: skip
    found = iter(_by_date(days(jobs, "days"), dates))
    group_seeds = tuple(range(group_starts))
    group_jobs = [GroupJob(policy, world, group_seeds) for world in worlds
                  for policy in (ours, theirs)]  # fmt: skip
    misses = iter(group_misses(group_jobs, "group starts"))
    report.goals_table(
        [
            Comparison(_name(world), next(found), next(found), next(misses), next(misses))
            for world in worlds
        ]
    )


def days_of_all(worlds: Sequence[World], dates: Dates, pictures: Path) -> None:
    """All policies over whole days, and the first promise."""
    ours = [adaptive("without notices"), adaptive("with notices", told=TOLD)]
    everything: dict[int, dict[str, list[Day]]] = {}
    promise = {}
    for world in worlds:
        fixed = fixed_days(world, dates)
        best = [best_fixed(fixed, seed) for seed in dates.seeds]
        jobs = [job for policy in (*ours, reactive()) for job in dates.jobs(policy, world)]
        jobs += [replace(job, policy=best_fixed_each(EACH, fixed, job.seed))
                 for job in dates.jobs(reactive(), world)]  # fmt: skip
        by_policy = _by_policy([*fixed, *days(jobs, f"other policies, {_name(world)}")])
        each = by_policy.pop(EACH)
        report.days_table(f"{len(dates.seeds)} days, {_name(world)}", {**by_policy, EACH: each})
        everything[world.replicas] = by_policy
        for policy in ours:
            name = f"{policy.name}, {_name(world)}"
            promise[name] = (by_policy[policy.name], best)
            promise[f"{name}, by language"] = (by_policy[policy.name], each)
    report.promise_1(promise)
    plots.trade_off(everything, pictures)
    samples = sampled_day(adaptive(told=TOLD), worlds[0], dates, "python:1")
    plots.day(samples, "python", pictures)


def groups(like: World, group_starts: int, pictures: Path) -> None:
    """The start of a group with and without notices, and the second promise."""
    seeds = tuple(range(group_starts))
    worlds = [replace(like, replicas=number) for number in GROUP_REPLICAS]
    without, with_notices, growth = "without notices", "with notices", "reactive"
    pulled, pulled_and_told = "pulled before", "pulled before, which all are told"
    ours = adaptive(told=TOLD)
    ways: dict[str, tuple[Policy, bool, bool]] = {
        growth: (reactive(), False, False),
        without: (adaptive(), False, False),
        with_notices: (ours, False, False),
        pulled: (ours, True, False),
        pulled_and_told: (ours, True, True),
    }
    jobs = [
        GroupJob(policy, world, seeds, is_pulled, is_told)
        for policy, is_pulled, is_told in ways.values()
        for world in worlds
    ]
    found = iter(group_misses(jobs, "group starts"))
    misses = {name: {number: next(found) for number in GROUP_REPLICAS} for name in ways}
    report.groups_table(misses)
    told = {name: misses[name] for name in (with_notices, pulled_and_told)}
    report.promise_2(misses[without], told)
    plots.groups(misses, pictures)


def frontier(worlds: Sequence[World], dates: Dates, pictures: Path) -> None:
    """The cost of hits in class in warm hours, as each policy is tuned by its one number."""
    lines = {
        "ours": [
            adaptive(f"{worth_s:.0f} s", replace(Sizes(), worth_s=worth_s), told=TOLD)
            for worth_s in sorted({*FRONTIER_WORTH_S, Sizes.worth_s})
        ],
        "reactive": [reactive(f"{keep_s:.0f} s", keep_s) for keep_s in FRONTIER_KEEP_S],
    }
    jobs = [job for world in worlds for policies in lines.values() for policy in policies
            for job in dates.jobs(policy, world, SMALL_DAY)]  # fmt: skip
    found = iter(_by_date(days(jobs, "frontier"), dates))
    panels = {
        _name(world): {
            name: {policy.name: next(found) for policy in policies}
            for name, policies in lines.items()
        }
        for world in worlds
    }
    for title, by_line in panels.items():
        rows = {f"{name}, {of}": each for name, line in by_line.items()
                for of, each in line.items()}  # fmt: skip
        report.days_table(title, rows)
    plots.frontier(panels, f"{Sizes.worth_s:.0f} s", pictures)


def workloads(worlds: Sequence[World], dates: Dates) -> None:
    """Our policy and reactive growth, on days of other kinds."""
    policies = (reactive(), adaptive("ours", told=TOLD))
    for kind in sorted(WORKLOADS.keys() - {SCHOOL_DAY, SMALL_DAY}):
        jobs = [job for world in worlds for policy in policies
                for job in dates.jobs(policy, world, kind)]  # fmt: skip
        found = iter(_by_date(days(jobs, kind), dates))
        rows = {f"{policy.name}, {_name(world)}": next(found) for world in worlds
                for policy in policies}  # fmt: skip
        report.days_table(kind, rows)


def settings(worlds: Sequence[World], dates: Dates, group_starts: int) -> None:
    """The daemon's policy with one thing changed: days, and misses of a group's start."""
    group_seeds = tuple(range(group_starts))
    for world in worlds:
        policies = variants()
        jobs = [job for policy in policies for job in dates.jobs(policy, world, SMALL_DAY)]
        found = days(jobs, f"settings, {_name(world)}")
        report.days_table(f"{_name(world)}, one thing changed", _by_policy(found))
        misses = group_misses(
            [GroupJob(policy, world, group_seeds) for policy in policies], "group starts"
        )
        report.groups_table(
            {policy.name: {world.replicas: of}
             for policy, of in zip(policies, misses, strict=True)}
        )  # fmt: skip


def _name(world: World) -> str:
    kind = "cells" if world.cells else "single use"
    return f"{kind}, {world.replicas} replica{'s' if world.replicas > 1 else ''}"


def _by_policy(found: Sequence[Day]) -> dict[str, list[Day]]:
    by_policy: dict[str, list[Day]] = {}
    for one in found:
        by_policy.setdefault(one.policy, []).append(one)
    return by_policy


def _by_date(found: Sequence[Day], dates: Dates) -> list[Sequence[Day]]:
    size = len(dates.seeds)
    return [found[at : at + size] for at in range(0, len(found), size)]
