"""Learners who press [test]: runs over HTTP at their own times, whatever the answers do."""

import asyncio
import math
import random
import statistics
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from runner.kata import Kata

ANSWERS_WITHIN_S = 60.0


@dataclass(frozen=True)
class Press:
    """One run: when it was due, from the start of the load, and what became of it."""

    due_s: float
    took_s: float  # from when it was due, so that a late start is not forgotten
    outcome: str


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """No proxy, no limit of connections of its own."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


def poisson(per_second: float, lasts_s: float, seed: int) -> Iterator[float]:
    """When presses are due that know nothing of each other."""
    rng = random.Random(seed)
    due_s = rng.expovariate(per_second)
    while due_s < lasts_s:
        yield due_s
        due_s += rng.expovariate(per_second)


async def press_at(
    http: aiohttp.ClientSession, url: str, kata: Kata, due_s: Iterable[float]
) -> list[Press]:
    """An open loop: each begins when it is due, however long the others take."""
    began_s = time.perf_counter()

    async def one(due: float) -> Press:
        await asyncio.sleep(began_s + due - time.perf_counter())
        outcome = await run(http, url, kata)
        return Press(due, time.perf_counter() - began_s - due, outcome)

    return await asyncio.gather(*(one(due) for due in due_s))


async def run(http: aiohttp.ClientSession, url: str, kata: Kata) -> str:
    """The outcome; the error's name or the status of a run that was not carried out."""
    manifest = {"image_name": kata.image_name, "max_seconds": kata.max_seconds}
    body = {"id": kata.id, "files": dict(kata.files), "manifest": manifest}
    try:
        async with http.post(f"{url}/run_cyber_dojo_sh", json=body) as response:
            if response.status != 200:
                return str(response.status)
            answer = await response.json()
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__
    return str(answer["run_cyber_dojo_sh"]["outcome"])


async def health(http: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    """GET /health."""
    async with http.get(f"{url}/health") as response:
        answer: dict[str, Any] = await response.json()
        return answer


def hits_and_misses(of_health: Mapping[str, Any], image: str) -> tuple[int, int]:
    """Since the daemon's start."""
    pool = of_health["images"].get(image, {"hits": 0, "misses": 0})
    return pool["hits"], pool["misses"]


def median_ms(presses: Iterable[Press]) -> float:
    """Of how long they took."""
    return statistics.median(press.took_s for press in presses) * 1000


def percentile_ms(presses: Iterable[Press], percent: float) -> float:
    """The least time that so many percent did not pass."""
    ordered = sorted(press.took_s for press in presses)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)] * 1000
