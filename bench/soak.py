"""Thousands of runs, and what the daemon and the engine hold meanwhile: it must not grow."""

import asyncio
import os
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from bench.katas import IMAGE, TRUE
from bench.load import client, health, over_http
from pool import DEFAULT_DOCKER_HOST, DockerClient
from scripts.daemon import ROOT, free_port, running

LOG = ROOT / ".state" / "bench-soak.log"
SAMPLES = 60
# Of all samples: what an interpreter, its allocator and a pool still take on.
WARM_UP = 0.25
# By how much each figure may grow from the first third to the last, by their medians.
MAY_GROW: Mapping[str, float] = {
    "memory_mib": 4.0,
    "descriptors": 3.0,
    "threads": 1.0,
    "tasks": 4.0,
    "containers": 2.0,
    "volumes": 0.0,
    "networks": 0.0,
}
console = Console()


@dataclass(frozen=True)
class Sample:
    """The figures after so many runs."""

    runs: int
    held: Mapping[str, float]


def growth(samples: Sequence[Sample]) -> dict[str, float]:
    """By name: the median of the last third less that of the first, after the warm-up."""
    late = samples[int(len(samples) * WARM_UP) :]
    third = max(1, len(late) // 3)
    return {
        name: statistics.median(one.held[name] for one in late[-third:])
        - statistics.median(one.held[name] for one in late[:third])
        for name in late[0].held
    }


def grown(growing: Mapping[str, float]) -> list[str]:
    """The names of what is more than it may be."""
    return [name for name, more in growing.items() if more > MAY_GROW[name]]


async def main(runs: int, reuse: str) -> int:
    """Print a table; exit status 1 when something has grown, or a run was not green."""
    workers = (os.cpu_count() or 1) + 1
    samples: list[Sample] = []
    ended, outcomes = 0, dict[str, int]()
    port = free_port()
    settings = {"CYBER_DOJO_RUNNER_REUSE": reuse, "CYBER_DOJO_RUNNER_WARM_IMAGES": IMAGE}
    docker = DockerClient(os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST, lambda _: None)
    with running(LOG, port, None, settings) as process, Progress(console=console) as progress:
        url = f"http://127.0.0.1:{port}"
        bar = progress.add_task(f"{runs} runs, {workers} at a time, reuse {reuse}", total=runs)
        async with client() as http:
            one = over_http(http, url, TRUE.kata)

            async def work() -> None:
                nonlocal ended
                while ended < runs:
                    ended += 1
                    number = ended
                    outcome = (await one())()
                    outcomes[outcome] = outcomes.get(outcome, 0) + 1
                    progress.advance(bar)
                    if number % max(1, runs // SAMPLES) == 0:
                        tasks = (await health(http, url))["tasks"]
                        held = {
                            **of_process(process.pid),
                            "tasks": tasks,
                            **await of_engine(docker),
                        }
                        samples.append(Sample(number, held))

            await asyncio.gather(*(work() for _ in range(workers)))
            pool = (await health(http, url))["images"][IMAGE]
    await docker.close()
    growing = growth(samples)
    _print(samples, growing)
    console.print(f"outcomes: {outcomes}; starts {pool['starts']}, resets {pool['resets']}")
    too_much = grown(growing)
    if too_much:
        console.print(f"grown: {', '.join(too_much)}")
    return int(bool(too_much) or outcomes != {"green": runs})


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


async def of_engine(client: DockerClient) -> dict[str, float]:
    """Everything on it, whoever made it: so nothing else may use it meanwhile."""
    containers = await client.docker._query_json("containers/json", params={"all": "1"})
    volumes = (await client.docker._query_json("volumes"))["Volumes"] or []
    networks = await client.docker._query_json("networks")
    return {"containers": len(containers), "volumes": len(volumes), "networks": len(networks)}


def _print(samples: Sequence[Sample], growing: Mapping[str, float]) -> None:
    table = Table(title="what is held")
    table.add_column("runs", justify="right")
    for name in MAY_GROW:
        table.add_column(name, justify="right")
    for sample in samples[:: max(1, len(samples) // 10)]:
        table.add_row(str(sample.runs), *(f"{sample.held[name]:g}" for name in MAY_GROW))
    table.add_row("growth", *(f"{growing[name]:+g}" for name in MAY_GROW))
    table.add_row("may grow", *(f"{MAY_GROW[name]:g}" for name in MAY_GROW))
    console.print(table)
