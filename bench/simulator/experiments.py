"""Simulates days and group starts, on all cores, and sums their results up."""

import math
import statistics
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from rich.progress import track

from bench.simulator.policies import TO_ALL, TOLD, Policy, adaptive, fixed, fixed_each
from bench.simulator.replica import World
from bench.simulator.simulation import Announced, simulate
from bench.simulator.tally import Sample, Tally
from bench.simulator.workload import (
    ALL_HOURS,
    GROUP_BEGINS_S,
    HOUR_S,
    LANGUAGES,
    NEW,
    SCHOOL_DAY,
    WORKLOADS,
    group_start,
    within,
)
from pool.sizing import Sizes

Job = TypeVar("Job")
Found = TypeVar("Found")
GOAL = 0.99
LARGEST_FIXED = 5
GROUP_LASTS_S = 120.0
ANNOUNCED_S = 10.0
BLOCKS = 5  # of group starts; how much these differ tells how sure a mean is


@dataclass(frozen=True)
class Day:
    """The result of a policy on the day of one seed."""

    policy: str
    seed: int
    hit_rate: float
    class_hit_rate: float  # after a class's first minute
    lone_hit_rate: float
    first_minute_misses: int
    wait_p50_s: float
    wait_p99_s: float
    wait_p999_s: float
    refused: int
    warm_hours: float  # container-hours of each replica
    starts: int
    notices: int
    class_presses: int
    class_misses_by_image: Counter[str]


@dataclass(frozen=True)
class DayJob:
    """A day, or these hours of it; `workload` is one of workload.WORKLOADS."""

    policy: Policy
    world: World
    seed: int
    workload: str = SCHOOL_DAY
    hours: tuple[int, int] = ALL_HOURS


@dataclass(frozen=True)
class Dates:
    """The days that are to be simulated, one for each seed, or the same hours of each."""

    seeds: tuple[int, ...]
    hours: tuple[int, int] = ALL_HOURS

    def jobs(self, policy: Policy, world: World, workload: str = SCHOOL_DAY) -> list[DayJob]:
        """One job for each day, in the order of the seeds."""
        return [DayJob(policy, world, seed, workload, self.hours) for seed in self.seeds]


def days(jobs: Sequence[DayJob], what: str) -> list[Day]:
    """The results in the order of the jobs, which run on all cores."""
    return _on_all_cores(_day, jobs, what)


def _day(job: DayJob) -> Day:
    return _summary(job, _simulated(job))


def _simulated(job: DayJob, sampled: tuple[str, list[Sample]] | None = None) -> Tally:
    presses = within(WORKLOADS[job.workload](job.seed), job.hours)
    until_s = job.hours[1] * HOUR_S
    return simulate(presses, job.policy, job.world, until_s=until_s, seed=job.seed, sampled=sampled)


def _summary(job: DayJob, tally: Tally) -> Day:
    waits_s = sorted(tally.waits_s)
    in_class = tally.class_hits + tally.class_misses
    return Day(
        policy=job.policy.name,
        seed=job.seed,
        hit_rate=_part(tally.hits, tally.hits + tally.misses),
        class_hit_rate=_part(tally.class_hits, in_class),
        lone_hit_rate=1 - _part(tally.lone_misses, tally.lone_presses),
        first_minute_misses=tally.first_minute_misses,
        wait_p50_s=_quantile(waits_s, 0.5),
        wait_p99_s=_quantile(waits_s, 0.99),
        wait_p999_s=_quantile(waits_s, 0.999),
        refused=tally.refused,
        warm_hours=tally.warm_s / HOUR_S / job.world.replicas,
        starts=tally.starts,
        notices=tally.notices,
        class_presses=in_class,
        class_misses_by_image=tally.class_misses_by_image,
    )


def _part(some: int, all_of_them: int) -> float:
    return some / all_of_them if all_of_them else math.nan


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[int(part * (len(ordered) - 1))] if ordered else math.nan


def fixed_days(world: World, dates: Dates, up_to: int = LARGEST_FIXED) -> list[Day]:
    """The results of all fixed sizes."""
    jobs = [job for size in range(1, up_to + 1) for job in dates.jobs(fixed(size), world)]
    return days(jobs, f"fixed sizes, {_replicas(world)}")


def best_fixed(found: Sequence[Day], seed: int) -> Day:
    """The result with the fewest container-hours that reaches the goal, or with the most hits."""
    of_day = [one for one in found if one.seed == seed]
    good = [one for one in of_day if one.class_hit_rate >= GOAL]
    if not good:
        return max(of_day, key=lambda one: one.class_hit_rate)
    return min(good, key=lambda one: one.warm_hours)


def best_fixed_each(name: str, found: Sequence[Day], seed: int) -> Policy:
    """A size for each language, chosen by somebody who knows the day, to reach the goal.

    One more goes, again and again, to that language in which it saves most misses.
    """
    by_size = {int(one.policy.removeprefix("fixed ")): one for one in found if one.seed == seed}
    sizes = dict.fromkeys(LANGUAGES, 1)
    allowed = (1 - GOAL) * by_size[1].class_presses

    def misses(image: str, size: int) -> int:
        return by_size[size].class_misses_by_image[image]

    while sum(misses(image, size) for image, size in sizes.items()) > allowed:
        can_grow = [image for image in sizes if sizes[image] + 1 in by_size]
        if not can_grow:
            break
        most = max(
            can_grow,
            key=lambda image: misses(image, sizes[image]) - misses(image, sizes[image] + 1),
        )
        sizes[most] += 1
    return fixed_each(name, sizes)


@dataclass(frozen=True)
class GroupJob:
    """A policy at the starts of many groups, each of a seed of its own."""

    policy: Policy
    world: World
    seeds: tuple[int, ...]
    pulled: bool = False  # 50 s before, through one replica
    pull_is_told: bool = False  # to all of its siblings


def group_misses(jobs: Sequence[GroupJob], what: str) -> list[list[int]]:
    """The misses of each job, and of each of its seeds."""
    return _on_all_cores(_group, jobs, what)


def _group(job: GroupJob) -> list[int]:
    announced = Announced(NEW, ANNOUNCED_S, job.pull_is_told) if job.pulled else None
    until_s = GROUP_BEGINS_S + 2 * GROUP_LASTS_S
    return [
        simulate(
            group_start(seed, GROUP_LASTS_S), job.policy, job.world,
            until_s=until_s, seed=seed, announced=announced,
        ).misses
        for seed in job.seeds
    ]  # fmt: skip


def ratio(without: Sequence[int], with_them: Sequence[int]) -> list[float]:
    """The ratio of misses without notices to those with them: of all group starts, then of each
    block. Not a number where nobody missed at all.
    """
    size = len(without) // BLOCKS
    cuts = [slice(None), *(slice(at * size, (at + 1) * size) for at in range(BLOCKS))]
    return [
        statistics.mean(without[cut]) / (statistics.mean(with_them[cut]) or math.nan)
        for cut in cuts
    ]


def sampled_day(policy: Policy, world: World, dates: Dates, image: str) -> list[Sample]:
    """The samples of one image through the first of these days."""
    samples: list[Sample] = []
    [job, *_] = dates.jobs(policy, world)
    _simulated(job, sampled=(image, samples))
    return samples


def variants() -> list[Policy]:
    """The daemon's policy, and what may be changed in it, one thing at a time."""

    def ours(name: str, **changed: float) -> Policy:
        return adaptive(name, replace(Sizes(), **changed), told=TOLD)  # type: ignore[arg-type]

    return [
        ours("as it is"),
        *(ours(f"worth {worth_s} s", worth_s=worth_s) for worth_s in (100, 200, 800, 1600)),
        *(ours(f"spare {spare}", spare=spare) for spare in (0, 1, 3)),
        *(ours(f"beginning {beginning_s} s", beginning_s=beginning_s) for beginning_s in (0, 120)),
        *(ours(f"keep {keep_s} s", keep_s=keep_s) for keep_s in (0, 120, 600)),
        *(ours(f"cool down {cool_s} s", cool_down_s=cool_s) for cool_s in (0, 30)),
        adaptive("nobody told"),
        adaptive("1 told", told=1),
        adaptive("all told", told=TO_ALL),
    ]


def _on_all_cores(work: Callable[[Job], Found], jobs: Sequence[Job], what: str) -> list[Found]:
    with ProcessPoolExecutor() as workers:
        return list(track(workers.map(work, jobs), description=what, total=len(jobs)))


def _replicas(world: World) -> str:
    return f"{world.replicas} replica{'s' if world.replicas > 1 else ''}"
