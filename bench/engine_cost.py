"""Measures what a container costs the engine, and which parts of it could cost less."""

import asyncio
import copy
import os
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiodocker
from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import cpu
from bench.katas import IMAGE
from pool import DEFAULT_DOCKER_HOST, ContainerSpec, Delivery
from runner.container.hand_over import READY_MARK
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile

LABELS = {"dojo-runner.bench": "engine"}
REMOVED_S = 0.3  # the kernel ends a network's namespace a moment after its container
Body = dict[str, Any]
console = Console()


def _host(**changes: Any) -> Callable[[Body], None]:
    return lambda body: body["HostConfig"].update(changes)


def _bare(body: Body) -> None:
    for name in ("Tmpfs", "Mounts", "Ulimits", "CapDrop", "SecurityOpt", "PidsLimit"):
        body["HostConfig"].pop(name)
    body["HostConfig"] |= {"Memory": 0, "MemorySwap": 0, "Init": False, "ReadonlyRootfs": False}


VARIANTS: Mapping[str, Callable[[Body], None]] = {
    "as the daemon makes it": _host(),
    "without init": _host(Init=False),
    "without tmpfs": _host(Tmpfs={}),
    "without limits (cgroup, ulimits)": _host(Memory=0, MemorySwap=0, PidsLimit=0, Ulimits=[]),
    "without seccomp": _host(SecurityOpt=["no-new-privileges", "seccomp=unconfined"]),
    "log driver json-file": _host(LogConfig={"Type": "json-file"}),
    "log driver local": _host(LogConfig={"Type": "local"}),
    "the engine's IPC of the host": _host(IpcMode="host"),
    "network of the host": _host(NetworkMode="host"),
    "network bridge": _host(NetworkMode="bridge"),
    "bare": _bare,
}


@dataclass
class Costs:
    """The measurements of one variant, in milliseconds."""

    create: list[float] = field(default_factory=list)
    ready: list[float] = field(default_factory=list)  # from start to the mark
    remove: list[float] = field(default_factory=list)
    busy: list[float] = field(default_factory=list)  # all processors, for the whole life
    dockerd: list[float] = field(default_factory=list)
    containerd: list[float] = field(default_factory=list)


async def main(rounds: int, runtime: str) -> int:
    """Print a table of medians; `runtime`, if given, is one more variant, known to the engine."""
    variants = dict(VARIANTS)
    if runtime:
        variants[f"runtime {runtime}"] = _host(Runtime=runtime)
        variants[f"runtime {runtime}, without init"] = _host(Runtime=runtime, Init=False)
    docker = aiodocker.Docker(url=os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST)
    costs = {name: Costs() for name in variants}
    refused: dict[str, str] = {}
    try:
        for _ in track(range(rounds), description="rounds"):
            for name, change in variants.items():
                body = copy.deepcopy(spec_of_kata().create_body())
                change(body)
                try:
                    await _one(docker, body, costs[name])
                except aiodocker.DockerError as error:
                    refused[name] = error.message
    finally:
        await docker.close()
    _print({name: cost for name, cost in costs.items() if name not in refused}, rounds)
    for name, why in refused.items():
        console.print(f"{name}: {why}")
    return 0


def spec_of_kata() -> ContainerSpec:
    """A container for one run."""
    return spec_for(IMAGE, ImageProfile(IMAGE, Home.TMPFS, None), Delivery.ATTACH, LABELS)


async def _one(docker: aiodocker.Docker, body: Body, costs: Costs) -> None:
    """Create a container, attach, start, wait for the mark, and remove it."""
    before, engine = cpu.read(), _engine_s()
    container = await docker.containers.create(body)
    created_s = time.perf_counter()
    try:
        async with container.attach(stdin=True, stdout=True, stderr=True) as stream:
            started_s = time.perf_counter()
            await container.start()
            said = b""
            async with asyncio.timeout(30):
                await stream.write_in(spec_of_kata().prelude)
                while not said.endswith(READY_MARK):
                    message = await stream.read_out()
                    if message is None:
                        raise SystemExit(f"it ended: {said!r}")
                    said += message.data
            ready_s = time.perf_counter()
    finally:
        removing_s = time.perf_counter()
        await container.delete(force=True, v=True)
        removed_s = time.perf_counter()
    await asyncio.sleep(REMOVED_S)
    spent, now = cpu.read() - before, _engine_s()
    costs.create.append((created_s - before.at_s) * 1000)
    costs.ready.append((ready_s - started_s) * 1000)
    costs.remove.append((removed_s - removing_s) * 1000)
    costs.busy.append(spent.busy_s * 1000)
    costs.dockerd.append((now["dockerd"] - engine["dockerd"]) * 1000)
    costs.containerd.append((now["containerd"] - engine["containerd"]) * 1000)


def _engine_s() -> dict[str, float]:
    """Processor seconds of the engine's two daemons so far; shims and runc come and go."""
    found = {"dockerd": 0.0, "containerd": 0.0}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = path.read_text().rpartition(")")
        except OSError:
            continue
        name = before.partition("(")[2]
        if name in found:
            fields = after.split()
            found[name] += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return found


def _print(costs: Mapping[str, Costs], rounds: int) -> None:
    table = Table(title=f"ms, medians of {rounds} rounds; CPU: of all processors, start to removal")
    headings = ("", "create", "start to ready", "remove", "CPU", "of dockerd", "of containerd")
    for heading in headings:
        table.add_column(heading, justify="right" if heading else "left")
    for name, cost in costs.items():
        columns = (
            cost.create, cost.ready, cost.remove, cost.busy, cost.dockerd, cost.containerd
        )  # fmt: skip
        table.add_row(name, *(f"{statistics.median(column):.0f}" for column in columns))
    console.print(table)
