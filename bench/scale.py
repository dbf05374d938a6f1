"""Many images with many warm containers: what they cost, and what a run costs beside them."""

import asyncio
import os
import statistics
import time
from dataclasses import replace
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from bench import cpu, takes
from bench.katas import IMAGE, TRUE
from bench.load import client, over_http
from bench.soak import of_process
from pool import DEFAULT_DOCKER_HOST, DockerClient
from runner.client import RunnerClient
from runner.kata import Kata
from scripts.daemon import ROOT, free_port, running, stop

LOG = ROOT / ".state" / "bench-scale.log"
REPOSITORY = "dojo-runner/bench-scale"
IDLE_S = 10.0
FILL_LIMIT_S = 600.0
RUNS = 30
SIZES_BYTES = (1_000, 100_000, 1_000_000, 4_000_000)
console = Console()


async def main(images: int, each: int, *, only_takes: bool) -> int:
    """Print tables: what a take costs; filling, idle, running, growing with requests, draining."""
    await takes.main(console)
    if only_takes:
        return 0
    docker = DockerClient(os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST, lambda _: None)
    names = [f"{REPOSITORY}:{number}" for number in range(images)]
    for name in names:
        await docker.docker.images.tag(IMAGE, REPOSITORY, tag=name.rpartition(":")[2])
    try:
        await _measure(names, each)
    finally:
        for name in names:
            await docker.docker.images.delete(name)
        await docker.close()
    return 0


async def _measure(names: list[str], each: int) -> None:
    wanted = len(names) * each
    quiet_ms_s = await _busy_ms_s()
    memory_before_mib = _available_mib()
    settings = {
        "CYBER_DOJO_RUNNER_WARM": str(each),
        "CYBER_DOJO_RUNNER_HOST_CONTAINERS": str(wanted + 10),
        "CYBER_DOJO_RUNNER_HOST_MEMORY_MIB": str(5 * (wanted + 10)),
        "CYBER_DOJO_RUNNER_WARM_IMAGES": ",".join(names),
        "CYBER_DOJO_RUNNER_DRAIN_S": "60",
    }
    port = free_port()
    began_s = time.perf_counter()
    with running(LOG, port, None, settings) as process:
        url = f"http://127.0.0.1:{port}"
        async with client() as http, RunnerClient(url) as daemon:
            await _filling(daemon, process.pid, wanted, began_s)
            own_s = cpu.of_process(process.pid)
            idle_ms_s = await _busy_ms_s()
            own_ms_s = (cpu.of_process(process.pid) - own_s) / IDLE_S * 1000
            each_mib = (memory_before_mib - _available_mib()) / wanted
            console.print(
                f"idle, {wanted} warm: {idle_ms_s:.0f} ms of CPU a second on the whole machine"
                f" ({quiet_ms_s:.0f} before the daemon's start), {own_ms_s:.1f} of them the"
                f" daemon's; {each_mib:.1f} MiB of memory a container"
            )
            await _running(http, url, names, each)
            await _sizes(http, url, process.pid, names[0])
            draining_s = time.perf_counter()
            await asyncio.to_thread(stop, process)
            console.print(f"drained in {time.perf_counter() - draining_s:.1f} s")


async def _filling(daemon: RunnerClient, pid: int, wanted: int, began_s: float) -> None:
    table = Table("warm", "after s", "MiB", "descriptors", "GET /health ms", title="filling")
    marks = [1, *(wanted * part // 4 for part in (1, 2, 3, 4))]

    async def warm() -> int:
        return sum(pool["warm"] for pool in (await daemon.health())["images"].values())

    while marks:
        asked_s = time.perf_counter()
        found, answered_s = await warm(), time.perf_counter()
        while marks and found >= marks[0]:
            marks.pop(0)
            held = of_process(pid)
            table.add_row(
                str(found),
                f"{answered_s - began_s:.1f}",
                f"{held['memory_mib']:.0f}",
                f"{held['descriptors']:g}",
                f"{(answered_s - asked_s) * 1000:.1f}",
            )
        if answered_s - began_s > FILL_LIMIT_S:
            raise SystemExit(f"only {found} of {wanted} are warm after {FILL_LIMIT_S:g} s")
        await asyncio.sleep(0.1)
    console.print(table)


async def _running(http: aiohttp.ClientSession, url: str, names: list[str], each: int) -> None:
    took_ms = []
    for number in range(RUNS):
        kata = replace(TRUE.kata, image_name=names[number % len(names)])
        took_ms.append(await _run_ms(http, url, kata))
    console.print(
        f"{RUNS} runs, one after the other, over {len(names)} images of {each} warm: median"
        f" {statistics.median(took_ms):.1f} ms"
    )


async def _sizes(http: aiohttp.ClientSession, url: str, pid: int, image: str) -> None:
    table = Table("request bytes", "median ms", "MiB", title="growth with a request's size")
    for size in SIZES_BYTES:
        files = {"cyber-dojo.sh": "true\n", "large": os.urandom(size // 2).hex()}
        kata = replace(TRUE.kata, image_name=image, files=files)
        took_ms = [await _run_ms(http, url, kata) for _ in range(5)]
        memory_mib = of_process(pid)["memory_mib"]
        table.add_row(str(size), f"{statistics.median(took_ms):.0f}", f"{memory_mib:.0f}")
    console.print(table)


async def _run_ms(http: aiohttp.ClientSession, url: str, kata: Kata) -> float:
    asked_s = time.perf_counter()
    verdict = await over_http(http, url, kata)()
    took_ms = (time.perf_counter() - asked_s) * 1000
    if verdict() != "green":
        raise SystemExit(f"wrong answer: {verdict()}")
    return took_ms


async def _busy_ms_s() -> float:
    """The CPU milliseconds of the whole machine, in each of some seconds."""
    before = cpu.read()
    await asyncio.sleep(IDLE_S)
    spent = cpu.read() - before
    return spent.busy_s / spent.at_s * 1000


def _available_mib() -> float:
    lines = Path("/proc/meminfo").read_text().splitlines()
    [line] = [line for line in lines if line.startswith("MemAvailable")]
    return int(line.split()[1]) / 1024
