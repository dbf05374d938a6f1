"""All ways beside each other: every workload, so many at a time, the ways in turns."""

import asyncio
import contextlib
import os
import platform
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import aiodocker
import aiohttp
from rich.console import Console

from bench import cpu
from bench.docker_run import DOCKER_HOST
from bench.katas import C_IMAGE, HARVESTED, IMAGE, PYTHON, UNHARVESTED, WORKLOADS, Workload
from bench.load import Press, client, closed, poisson, press_at, waves
from bench.results import CLASS, HARVEST, OK, Cell, Result
from bench.ways import MISS, MISS_OWN, SERVER, Server, Way, WayError, opened
from scripts.daemon import ROOT

LEARNERS = 30
THINKS_S = 30.0  # between two presses of a learner, on average
IDLE_S = 2.0
SETTLES_S = 1.0
ONE_RUN_S = 1e-6  # so short that one run is enough

console = Console(highlight=False)


@dataclass(frozen=True)
class Plan:
    """The measurements to make, and how long each takes."""

    ways: Sequence[str]
    workloads: Sequence[str]
    at_once: Sequence[int]
    seconds: float  # of a way in one cell of the matrix, all rounds together
    rounds: int
    class_seconds: float  # of a way
    harvests: int  # of a way
    url: str = ""
    image: str = IMAGE
    c_image: str = C_IMAGE

    def quick(self) -> "Plan":
        """A plan of the same that takes about two minutes."""
        return replace(self, at_once=(1, 4), seconds=0.5, rounds=1, class_seconds=5, harvests=2)

    def workload(self, workload: Workload) -> Workload:
        """The workload on the images of this plan."""
        return workload.on(self.image, self.c_image)


async def measure(plan: Plan, command: str) -> Result:
    """Make all measurements. Raises WayError, WrongAnswerError, DaemonError."""
    result = Result(command, commit(), await machine(with_engine=not plan.url))
    async with client() as http:
        katas = [WORKLOADS[name] for name in plan.workloads if name in WORKLOADS]
        if katas or HARVEST in plan.workloads:
            async with _ways(plan, http, max(plan.at_once)) as ways:
                await _matrix(plan, ways, katas, result)
                if HARVEST in plan.workloads:
                    await _harvests(plan, ways, result)
        if CLASS in plan.workloads:
            async with _ways(plan, http, None) as ways:
                await _classes(plan, ways, result)
    return result


@contextlib.asynccontextmanager
async def _ways(
    plan: Plan, http: aiohttp.ClientSession, most_at_once: int | None
) -> AsyncIterator[Mapping[str, Way]]:
    if plan.url:
        yield {SERVER: Server(http, plan.url)}
        return
    async with opened(plan.ways, http, most_at_once=most_at_once) as ways:
        yield ways


async def _matrix(
    plan: Plan, ways: Mapping[str, Way], katas: Sequence[Workload], result: Result
) -> None:
    for kata in map(plan.workload, katas):
        began_s = time.perf_counter()
        console.print(f"{kata.name}:", end="")
        await _prepare(ways, kata, max(plan.at_once))
        await _note_idle(result)
        for at_once in plan.at_once:
            console.print(f" {at_once}", end="")
            for number in range(plan.rounds):
                for way in _rotated(ways, number):
                    cell = result.cell(way.name, kata.name, at_once)
                    if cell.elapsed_s < plan.seconds:  # one wave may have taken more
                        place = _Place(result, cell, way, kata, at_once)
                        await _round(place, plan.seconds / plan.rounds)
        console.print(f" at a time, {time.perf_counter() - began_s:.0f} s")


@dataclass(frozen=True)
class _Place:
    """Where the next figures belong. `ready_for` is how many will be taken at once."""

    result: Result
    cell: Cell
    way: Way
    kata: Workload
    ready_for: int

    async def settle(self) -> None:
        await self.way.settle(self.kata, self.ready_for)


async def _round(place: _Place, seconds: float) -> None:
    at_once, run = place.cell.at_once, place.way.run_of(place.kata)
    if place.way.in_waves:
        await _record(place, partial(waves, run, at_once, seconds, place.settle))
    else:
        await _record(place, partial(closed, run, at_once, seconds))


async def _record(place: _Place, load: Callable[[], Awaitable[list[Press]]]) -> None:
    """Measure from a settled machine to a settled machine, with the work that runs leave behind."""
    await place.settle()
    taken_before, before = await place.way.takes(place.kata), cpu.read()
    presses = await load()
    await place.settle()
    elapsed_s = time.perf_counter() - before.at_s
    await asyncio.sleep(place.way.settling_s)
    used, taken = cpu.read() - before, await place.way.takes(place.kata)
    takes = None
    if taken_before and taken:
        takes = (taken[0] - taken_before[0], taken[1] - taken_before[1])
    place.cell.add(presses, used, elapsed_s, takes, place.result.idle_share)
    if place.way.name in (MISS, MISS_OWN) and takes and takes[0]:
        raise WayError(f"{takes[0]} of the misses were hits")


async def _harvests(plan: Plan, ways: Mapping[str, Way], result: Result) -> None:
    """The same work where it is harvested and where it is not, in turns, one at a time."""
    console.print(f"{HARVEST}: {plan.harvests} times")
    await _prepare(ways, plan.workload(HARVESTED), 1)
    for number in range(plan.harvests):
        for way in _rotated(ways, number):
            for kata in map(plan.workload, (HARVESTED, UNHARVESTED)):
                cell = result.cell(way.name, kata.name, 1)
                await _round(_Place(result, cell, way, kata, 1), ONE_RUN_S)


async def _classes(plan: Plan, ways: Mapping[str, Way], result: Result) -> None:
    """An open loop: the same presses for each way, fixed in advance, the daemon's own defaults."""
    kata = plan.workload(PYTHON)
    console.print(f"{CLASS}: {plan.class_seconds:g} s of each way")
    await _prepare(ways, kata, 1)
    await _note_idle(result)
    for number in range(plan.rounds):
        due_s = list(poisson(LEARNERS / THINKS_S, plan.class_seconds / plan.rounds, number))
        for way in _rotated(ways, number):
            cell = result.cell(way.name, CLASS, LEARNERS)
            await _record(
                _Place(result, cell, way, kata, 1), partial(press_at, way.run_of(kata), due_s)
            )


async def _prepare(ways: Mapping[str, Way], kata: Workload, at_once: int) -> None:
    """Make a first run by each way, which is not counted: it reads pages, and makes pools."""
    for way in ways.values():
        await way.prepare(kata, at_once)
        verdict = (await way.run_of(kata)())()
        if verdict != OK:
            raise WayError(f"{way.name}, {kata.name}: {verdict}")
    for way in ways.values():
        await way.settle(kata, at_once)


async def _note_idle(result: Result) -> None:
    """Keep the least use of the idle machine that was seen: when it was higher, it was not idle."""
    await asyncio.sleep(SETTLES_S)
    before = cpu.read()
    await asyncio.sleep(IDLE_S)
    used = cpu.read() - before
    share = used.busy_s / used.at_s
    result.idle_share = min(share, result.idle_share) if result.cells else share


def _rotated(ways: Mapping[str, Way], number: int) -> list[Way]:
    """The ways in turns: each round begins with another, so that none always follows the same."""
    order = list(ways.values())
    first = number % len(order)
    return order[first:] + order[:first]


def commit() -> str:
    """The commit that is measured, as git describes it."""
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, check=False
    )
    return said.stdout.decode().strip() or "unknown"


async def machine(*, with_engine: bool) -> str:
    """The machine in words, which do not name it."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    kernel = ".".join(platform.release().split(".")[:2])
    words = [
        f"{os.cpu_count()} cores",
        f"{memory_gib:.0f} GiB",
        platform.freedesktop_os_release()["PRETTY_NAME"],
        f"Linux {kernel}",
        f"Python {platform.python_version()}",
    ]
    if with_engine:
        async with aiodocker.Docker(url=DOCKER_HOST) as docker:
            info = await docker.system.info()
        words.append(
            f"Docker Engine {info['ServerVersion']} ({info['DefaultRuntime']}, {info['Driver']},"
            f" cgroup v{info.get('CgroupVersion', '1')})"
        )
    return ", ".join(words)
