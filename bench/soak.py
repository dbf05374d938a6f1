"""Thousands of requests of every kind, and what the daemon and the engine hold meanwhile.

Nothing may grow, every answer must be right, and `/alive` must be answered all along.
"""

import asyncio
import json
import math
import os
import random
import statistics
import time
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiodocker import DockerError
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.load import client
from bench.mixture import HOME_IMAGE, IMAGE, LONGEST_STAY_S, in_order, mixture, send
from pool import DEFAULT_DOCKER_HOST, DockerClient, DockerContainers, EngineError
from pool.orphans import REPLICA_LABEL
from runner.client import RunnerClient
from scripts.daemon import ROOT, free_port, running, wait_until_warm
from tests.adversary.alive import AliveTimes, alive_times
from tests.faults.own_engine import own_engine

LOG = ROOT / ".state" / "bench-soak.log"
SAMPLES = 60
# The part of the samples in which an interpreter, its allocator and a pool still grow.
WARM_UP = 0.25
# By how much each figure may grow from the first third to the last, by their medians.
MAY_GROW: Mapping[str, float] = {
    "memory_mib": 4.0,
    "descriptors": 3.0,
    "threads": 1.0,
    "tasks": 4.0,
    "containers": 2.0,
    "volumes": 2.0,
}
ALIVE_P99_S = 0.1
# A container is killed from outside after so many requests. For a while after that a run may be
# faulty: it had that container, or a start that its death has put off.
KILL_EVERY = 250
KILL_FELT_S = 5.0
# After so many requests the engine is restarted, under its containers (live-restore). While it is,
# and for so long after it, a run may be faulty.
RESTART_EVERY = 2000
RESTART_FELT_S = 8.0
SWEPT_BY_S = 150.0
TOOL_IMAGES = ("dojo-runner/ruby:latest", "dojo-runner/launcher:latest")
console = Console()


@dataclass(frozen=True)
class Sample:
    """The figures after so many requests."""

    runs: int
    held: Mapping[str, float]


@dataclass
class Found:
    """What came of a soak. `wrong` has the answers that were not right."""

    alive: AliveTimes
    samples: list[Sample] = field(default_factory=list)
    sent: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    killed: int = 0
    restarts: int = 0
    felt: int = 0  # runs that were faulty for a container that was killed, or for a restart
    left: int = 0  # containers that are there after the daemon's end
    pool: Mapping[str, object] = field(default_factory=dict)


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """By figure: the median of the last third less that of the first, after the warm-up."""
    late = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(late) // 3)
    return {
        name: statistics.median(one.held[name] for one in late[-third:])
        - statistics.median(one.held[name] for one in late[:third])
        for name in late[0].held
    }


def grown(growing: Mapping[str, float]) -> list[str]:
    """The names of the figures that have grown too much."""
    return [name for name, more in growing.items() if more > MAY_GROW[name]]


def faults(found: Found) -> list[str]:
    """The faults that a soak has found, in words."""
    words = [f"grown: {name}" for name in grown(growth(found.samples))]
    if found.wrong:
        words.append(f"{len(found.wrong)} wrong answers, such as {found.wrong[0]}")
    if found.left:
        words.append(f"{found.left} containers were left behind")
    if found.alive.p99_s > ALIVE_P99_S:
        words.append(f"/alive took {found.alive.p99_s * 1000:.0f} ms, at the 99th percentile")
    return words


async def main(runs: int, values: Sequence[str], restart_every: int = 0) -> int:
    """Print tables; exit status 1 when something is not as it should be.

    The engine is restarted after so many requests, 0: never. It is then one of the soak's own,
    which root alone can start.
    """
    status = 0
    if restart_every and os.geteuid() != 0:
        console.print("the engine is not restarted: only root can start one for this")
        restart_every = 0
    for reuse in values:
        began_s = time.monotonic()
        found = await soak(runs, reuse, restart_every)
        _print(found, f"{runs} requests, reuse {reuse}, {time.monotonic() - began_s:.0f} s")
        for words in faults(found):
            status = 1
            console.print(f"[bold]not well[/bold]: {words}", markup=True)
    return status


async def soak(runs: int, reuse: str, restart_every: int = 0) -> Found:
    """So many requests, a few at a time, to a daemon of their own."""
    if not restart_every:
        return await _soak(runs, reuse, os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST)
    async with own_engine() as engine:
        for image in (IMAGE, HOME_IMAGE, *TOOL_IMAGES):
            await engine.take_over(image)
        return await _soak(runs, reuse, engine.host, engine.restart, restart_every)


async def _soak(
    runs: int,
    reuse: str,
    docker_host: str,
    restart: Callable[[], Awaitable[None]] | None = None,
    restart_every: int = 0,
) -> Found:
    port, replica = free_port(), f"soak-{uuid.uuid4().hex}"
    settings = {
        "DOCKER_HOST": docker_host,
        "CYBER_DOJO_RUNNER_REUSE": reuse,
        "CYBER_DOJO_RUNNER_WARM_IMAGES": f"{IMAGE},{HOME_IMAGE}",
        "CYBER_DOJO_RUNNER_WARM": "2",  # so that their number does not follow demand, which varies
        "CYBER_DOJO_RUNNER_NETWORK_HOLDERS": "1",  # for the same reason
        "CYBER_DOJO_RUNNER_REPLICA": replica,
    }
    docker = DockerClient(docker_host, lambda _: None)
    containers = DockerContainers(docker)
    url = f"http://127.0.0.1:{port}"
    try:
        with running(LOG, port, None, settings) as process:
            async with client() as http, RunnerClient(url) as daemon, alive_times(url) as alive:
                found = Found(alive)
                for image in (IMAGE, HOME_IMAGE):
                    await asyncio.to_thread(wait_until_warm, url, image)
                engine = _Engine(docker, containers, replica, restart)
                engine.restart_every = restart_every
                sea = _Sea(found, engine, http=http, daemon=daemon, url=url, pid=process.pid)
                await sea.send_all(runs, f"{runs} requests, reuse {reuse}")
                found.pool = (await daemon.health())["images"][IMAGE]
        found.left = len(await containers.list_containers(f"{REPLICA_LABEL}={replica}"))
    finally:
        await containers.close()
        await docker.close()
    return found


class _Engine:
    """The engine, at which the soak looks, and whose containers it kills."""

    def __init__(
        self,
        docker: DockerClient,
        containers: DockerContainers,
        replica: str,
        restart: Callable[[], Awaitable[None]] | None,
    ) -> None:
        self.restart = restart
        self.restart_every = 0
        self._docker = docker
        self._containers = containers
        self._label = f"{REPLICA_LABEL}={replica}"
        self._volumes: set[str] = set()

    async def held(self) -> dict[str, float]:
        """How many containers the daemon has, and how many volumes that these ever
        had are still there.
        """
        docker, filters = self._docker.docker, json.dumps({"label": [self._label]})
        params = {"all": "1", "filters": filters}
        containers = await docker._query_json("containers/json", params=params)
        there = (await docker._query_json("volumes"))["Volumes"] or []
        self._volumes |= {
            mount["Name"]
            for container in containers
            for mount in container["Mounts"]
            if mount["Type"] == "volume"
        }
        left = self._volumes & {volume["Name"] for volume in there}
        begun = [one for one in containers if not _may_be_swept_yet(one)]
        return {"containers": len(begun), "volumes": len(left)}

    async def kill_one(self) -> bool:
        """Kill one of the daemon's containers; returns whether there was one."""
        image_id = (await self._docker.docker.images.inspect(IMAGE))["Id"]
        for one in await self._containers.list_containers(self._label):
            there = self._docker.docker.containers.container(one.container_id)
            with suppress(Exception):  # it is gone by now
                if (await there.show())["Image"] == image_id:
                    await there.kill()
                    return True
        return False


def _may_be_swept_yet(container: Mapping[str, Any]) -> bool:
    """Whether a container was created and never started, so that the daemon will remove it.

    It may have been made by an engine that was then restarted. The daemon removes it 80 s after it
    has seen it first, with the next sweep: docs/reliability.md.
    """
    age_s = time.time() - float(container["Created"])
    return container["State"] == "created" and age_s < SWEPT_BY_S


class _Sea:
    """Sends the requests, judges the answers, and takes samples."""

    def __init__(
        self,
        found: Found,
        engine: _Engine,
        *,
        http: aiohttp.ClientSession,
        daemon: RunnerClient,
        url: str,
        pid: int,
    ) -> None:
        self._found = found
        self._http = http
        self._daemon = daemon
        self._url = url
        self._pid = pid
        self._engine = engine
        self._rng = random.Random(1)
        self._killed_s = -KILL_FELT_S
        self._restart_felt_until_s = -math.inf

    async def send_all(self, runs: int, words: str) -> None:
        """Send the requests, as many at a time as there are places, and one more."""
        due = enumerate(in_order(mixture(), runs), 1)
        sample_every, kill_every = max(1, runs // SAMPLES), max(1, min(KILL_EVERY, runs // 2))
        with Progress(console=console) as progress:
            bar = progress.add_task(words, total=runs)

            async def work() -> None:
                for number, kind in due:
                    began_s = time.monotonic()
                    stay_s = self._rng.uniform(0, LONGEST_STAY_S)
                    self._heed(await send(self._http, self._url, kind, stay_s), began_s)
                    self._found.sent[kind.name] += 1
                    progress.advance(bar)
                    if number % sample_every == 0:
                        await self._sample(number)
                    if number % kill_every == 0:
                        await self._kill()
                    if (every := self._engine.restart_every) and number % every == 0:
                        await self._restart()

            await asyncio.gather(*(work() for _ in range((os.cpu_count() or 1) + 2)))

    def _heed(self, wrong: str, began_s: float) -> None:
        if not wrong:
            return
        is_of_kill = "'143'" in wrong and began_s - KILL_FELT_S < self._killed_s
        is_of_restart = "'faulty'" in wrong and began_s < self._restart_felt_until_s
        if is_of_kill or is_of_restart:
            self._found.felt += 1
        else:
            self._found.wrong.append(wrong)

    async def _sample(self, number: int) -> None:
        with suppress(EngineError, DockerError):
            tasks = (await self._daemon.health())["tasks"]
            held = {**of_process(self._pid), "tasks": tasks, **await self._engine.held()}
            self._found.samples.append(Sample(number, held))

    async def _restart(self) -> None:
        assert self._engine.restart is not None
        self._restart_felt_until_s = math.inf
        await self._engine.restart()
        self._found.restarts += 1
        self._restart_felt_until_s = time.monotonic() + RESTART_FELT_S

    async def _kill(self) -> None:
        self._killed_s = math.inf  # its run may hear of it before we do
        self._found.killed += await self._engine.kill_one()
        self._killed_s = time.monotonic()


def of_process(pid: int) -> dict[str, float]:
    """Resident memory, open descriptors and threads."""
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines()
    )
    return {
        "memory_mib": int(status["VmRSS"].split()[0]) / 1024,
        "descriptors": len(list(Path(f"/proc/{pid}/fd").iterdir())),
        "threads": int(status["Threads"]),
    }


def _print(found: Found, title: str) -> None:
    table = Table(title=f"{title}: what is held")
    table.add_column("requests", justify="right")
    for name in MAY_GROW:
        table.add_column(name, justify="right")
    samples, growing = found.samples, growth(found.samples)
    for sample in samples[:: max(1, len(samples) // 10)]:
        table.add_row(str(sample.runs), *(f"{sample.held[name]:.3g}" for name in MAY_GROW))
    table.add_row("growth", *(f"{growing[name]:+.2g}" for name in MAY_GROW))
    table.add_row("may grow", *(f"{MAY_GROW[name]:g}" for name in MAY_GROW))
    console.print(table)
    console.print(f"sent: {dict(found.sent.most_common())}", markup=False)
    console.print(
        f"wrong {len(found.wrong)}; killed {found.killed} containers, restarted the engine"
        f" {found.restarts} times, felt by {found.felt} runs;"
        f" starts {found.pool['starts']}, resets {found.pool['resets']}"
    )
    alive = found.alive
    console.print(
        f"/alive: {len(alive.seconds)} answers, p99 {alive.p99_s * 1000:.0f} ms,"
        f" the slowest {alive.worst_s * 1000:.0f} ms"
    )
    for words in found.wrong[:10]:
        console.print(words, markup=False)
