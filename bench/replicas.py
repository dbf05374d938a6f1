"""Three replicas on one engine: how soon one warms the others, and what their mishaps cost."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import aiohttp
from rich.console import Console
from rich.table import Table

from bench import cpu
from bench.katas import IMAGE, PYTHON, TRUE
from bench.load import (
    Press,
    client,
    hits_and_misses,
    median_ms,
    over_http,
    percentile_ms,
    poisson,
    press_at,
)
from runner.client import RunnerClient
from scripts.daemon import ROOT, free_port, running, wait_until_warm

SECRET = "a secret of this benchmark"  # noqa: S105
ROUNDS = 5
MISHAP_ROUNDS = 3
PER_SECOND = 1.0
LASTS_S = 20.0
FLOOD_PER_SECOND = 1000
KEPT = 100  # connections of the flood

console = Console()


@dataclass(frozen=True)
class Replica:
    """A daemon of this benchmark."""

    url: str
    process: subprocess.Popen[bytes]


async def main() -> int:
    """Print both tables."""
    async with client() as http:
        await _warm_each_other(http)
        await _mishaps(http)
    return 0


async def _warm_each_other(http: aiohttp.ClientSession) -> None:
    table = Table(title="a first run on one of three: seconds until the others are warm")
    for heading in ("the first run took", "one other", "both others", "first runs there"):
        table.add_column(heading, justify="right")
    for _ in range(ROUNDS):
        with _three() as (first, *others):
            await _until_told(first)
            began_s = time.perf_counter()
            taking = asyncio.create_task(_run(http, first))
            warm_s = [_seconds_until_warm(other, began_s) for other in others]
            waited_s = sorted(await asyncio.gather(*warm_s))
            await taking
            took_s = time.perf_counter() - began_s
            results = []
            for other in others:
                await _run(http, other)
                hits, misses = hits_and_misses(await _health(other), IMAGE)
                results.append(f"{hits} hit, {misses} miss")
        table.add_row(f"{took_s:.2f}", *(f"{s:.2f}" for s in waited_s), "; ".join(results))
    console.print(table)


async def _mishaps(http: aiohttp.ClientSession) -> None:
    """Measure each case some times, in turns, so that all meet the same noise."""
    mishaps: dict[str, Callable[[Replica], contextlib.AbstractContextManager[None]]] = {
        "nothing": lambda _: contextlib.nullcontext(),
        "one killed": _killed,
        "one stopped (SIGSTOP)": _stopped,
        "a flood of somebody else": lambda _: _flood(None, KEPT, ""),
        "forged notices": lambda victim: _flood(victim, KEPT, ""),
        "forged, a connection for each": lambda victim: _flood(victim, 0, ""),
        "signed notices": lambda victim: _flood(victim, KEPT, SECRET),
    }
    found: dict[str, list[Press]] = {mishap: [] for mishap in mishaps}
    most: dict[str, int] = {}
    for seed in range(MISHAP_ROUNDS):
        for mishap, befalls in mishaps.items():
            console.print(f"{mishap} ...")
            with _three() as (first, other, victim):
                for replica in (first, other, victim):
                    await _run(http, replica)
                    await asyncio.to_thread(wait_until_warm, replica.url, IMAGE)
                half = [list(poisson(PER_SECOND / 2, LASTS_S, 10 * seed + n)) for n in range(2)]
                with befalls(victim):
                    presses = await asyncio.gather(
                        press_at(over_http(http, first.url, PYTHON.kata), half[0]),
                        press_at(over_http(http, other.url, PYTHON.kata), half[1]),
                    )
                for replica in (first, other):
                    target = (await _health(replica))["images"][IMAGE]["target"]
                    most[mishap] = max(most.get(mishap, 0), target)
            found[mishap] += [press for each in presses for press in each]
    table = Table(
        title=f"pytest kata on the two others, {PER_SECOND:g} a second in all: ms;"
        f" floods: {FLOOD_PER_SECOND} notices a second"
    )
    for heading in ("mishap of the third", "runs", "not green", "median", "p95", "largest target"):
        table.add_column(heading, justify="left" if "mishap" in heading else "right")
    for mishap, all_ in found.items():
        wrong = sum(press.outcome != "green" for press in all_)
        times = f"{median_ms(all_):.0f}", f"{percentile_ms(all_, 95):.0f}"
        table.add_row(mishap, str(len(all_)), str(wrong), *times, str(most[mishap]))
    console.print(table)


@contextlib.contextmanager
def _three() -> Iterator[list[Replica]]:
    """Replicas that know each other; some may have been killed at the end."""
    ports = [free_port() for _ in range(3)]
    siblings = ",".join(f"127.0.0.1:{port}" for port in ports)
    settings = {"CYBER_DOJO_RUNNER_SIBLINGS": siblings, "CYBER_DOJO_RUNNER_SECRET": SECRET}
    with contextlib.ExitStack() as stack:
        yield [
            Replica(
                f"http://127.0.0.1:{port}",
                stack.enter_context(
                    running(ROOT / ".state" / f"bench-{n}.log", port, None, settings)
                ),
            )
            for n, port in enumerate(ports)
        ]


async def _run(http: aiohttp.ClientSession, replica: Replica) -> None:
    await over_http(http, replica.url, TRUE.kata)()


async def _health(replica: Replica) -> dict[str, Any]:
    async with RunnerClient(replica.url) as client:
        return await client.health()


async def _until_told(replica: Replica) -> None:
    """Wait until a replica knows its siblings, so that no look-up is measured."""
    async with RunnerClient(replica.url) as client:
        while not (await client.health())["siblings"]:
            await asyncio.sleep(0.05)


async def _seconds_until_warm(replica: Replica, began_s: float) -> float:
    async with RunnerClient(replica.url) as client:
        while not (await client.health())["images"].get(IMAGE, {}).get("warm"):
            await asyncio.sleep(0.02)
    return time.perf_counter() - began_s


@contextlib.contextmanager
def _killed(victim: Replica) -> Iterator[None]:
    victim.process.kill()
    yield


@contextlib.contextmanager
def _stopped(victim: Replica) -> Iterator[None]:
    """A stopped replica: its kernel accepts connections, but it never answers."""
    os.kill(victim.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(victim.process.pid, signal.SIGCONT)


@contextlib.contextmanager
def _flood(victim: Replica | None, connections: int, secret: str) -> Iterator[None]:
    """A flood of notices; without a victim only the cost of the sender is measured."""
    target = "sink" if victim is None else victim.url
    flood = subprocess.Popen(
        [sys.executable, "-m", "bench.flood", target, str(FLOOD_PER_SECOND), str(LASTS_S),
         str(connections), *([secret] if secret else [])],
        stdout=subprocess.PIPE,
    )  # fmt: skip
    cpu_s = 0.0 if victim is None else cpu.of_process(victim.process.pid)
    try:
        yield
    finally:
        said, _ = flood.communicate(timeout=LASTS_S + 60)
        console.print(json.loads(said))
        if victim is not None:
            share = (cpu.of_process(victim.process.pid) - cpu_s) / LASTS_S * 100
            console.print(f"the flooded one used {share:.0f} % of a processor")
