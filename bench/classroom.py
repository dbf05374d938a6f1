"""A class of 30 on one real machine: how many runs find a warm container, and how soon they end."""

import asyncio
from random import Random

from rich.console import Console

from bench.katas import IMAGE, PYTHON
from bench.load import (
    client,
    hits_and_misses,
    median_ms,
    over_http,
    percentile_ms,
    press_at,
)
from bench.matrix import LEARNERS, THINKS_S
from runner.client import RunnerClient
from scripts.daemon import ROOT, daemon

BEGIN_WITHIN_S = 60.0  # the first presses of a class come within this time
FIRST_S = 60.0  # in this time the pool learns that there is a class
LASTS_S = 300.0
LOG = ROOT / ".state" / "bench-class.log"

console = Console()


def presses(seed: int) -> list[float]:
    """The times at which the class presses [test], in seconds."""
    rng = Random(seed)
    due_s = []
    for _ in range(LEARNERS):
        at_s = rng.uniform(0, BEGIN_WITHIN_S)
        while at_s < LASTS_S:
            due_s.append(at_s)
            at_s += rng.expovariate(1 / THINKS_S)
    return sorted(due_s)


async def main(seed: int = 1) -> int:
    """Print hits and times; exit status 1 when a run ended badly."""
    due_s = presses(seed)
    warm: list[int] = []
    console.print(f"{LEARNERS} learners, {len(due_s)} runs in {LASTS_S:g} s ...")
    with daemon(LOG) as url:
        async with client() as http, RunnerClient(url) as replica:

            async def look() -> tuple[int, int]:
                await asyncio.sleep(FIRST_S)
                return hits_and_misses(await replica.health(), IMAGE)

            async def count() -> None:
                while True:
                    await asyncio.sleep(1)
                    warm.append((await replica.health())["images"].get(IMAGE, {}).get("warm", 0))

            counting = asyncio.create_task(count())
            early, found = await asyncio.gather(
                look(), press_at(over_http(http, url, PYTHON.kata), due_s)
            )
            counting.cancel()
            hits, misses = hits_and_misses(await replica.health(), IMAGE)
    later = [press for press in found if press.due_s >= FIRST_S]
    hits_later, misses_later = hits - early[0], misses - early[1]
    share = 100 * hits_later / (hits_later + misses_later)
    console.print(f"first {FIRST_S:g} s: {early[0]} hits, {early[1]} misses")
    console.print(f"after: {hits_later} hits, {misses_later} misses, {share:.1f} % hits")
    console.print(
        f"after: median {median_ms(later):.0f} ms, p95 {percentile_ms(later, 95):.0f},"
        f" p99 {percentile_ms(later, 99):.0f}; warm on average {sum(warm) / len(warm):.1f}"
    )
    return int(any(press.outcome != "green" for press in found))
