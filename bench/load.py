"""Load: runs that begin at their own times (open loop), or one after another (closed loop).

What is run is a `Run`: it ends when the answer is there, and its verdict is asked for after the
clock has been read.
"""

import asyncio
import json
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from runner.kata import Kata

ANSWERS_WITHIN_S = 60.0

Verdict = Callable[[], str]
Run = Callable[[], Awaitable[Verdict]]


@dataclass(frozen=True)
class Press:
    """One run: when it was due, from the start of the load, and how it ended."""

    due_s: float
    took_s: float  # from when it was due, so that a late start is not forgotten
    outcome: str


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client without a proxy, and without a limit of connections of its own."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
        yield session


def poisson(per_second: float, lasts_s: float, seed: int) -> Iterator[float]:
    """The times at which independent presses are due."""
    rng = random.Random(seed)
    due_s = rng.expovariate(per_second)
    while due_s < lasts_s:
        yield due_s
        due_s += rng.expovariate(per_second)


async def press_at(run: Run, due_s: Iterable[float]) -> list[Press]:
    """An open loop: each run begins when it is due, however long the others take."""
    began_s = time.perf_counter()

    async def one(due: float) -> Press:
        await asyncio.sleep(began_s + due - time.perf_counter())
        return await _press(run, began_s, due)

    return await asyncio.gather(*(one(due) for due in due_s))


async def closed(run: Run, workers: int, lasts_s: float) -> list[Press]:
    """Each worker presses again as soon as it has its answer; runs that have begun are ended.

    So a slow server is asked less often. These times do not tell how long learners would wait who
    do not wait for each other.
    """
    began_s = time.perf_counter()
    presses: list[Press] = []

    async def work() -> None:
        due_s = 0.0
        while due_s < lasts_s:
            presses.append(await _press(run, began_s, due_s))
            due_s = time.perf_counter() - began_s

    await asyncio.gather(*(work() for _ in range(workers)))
    return presses


async def waves(
    run: Run, at_once: int, lasts_s: float, settle: Callable[[], Awaitable[None]]
) -> list[Press]:
    """So many runs at the same time, and again once the server has settled."""
    began_s = time.perf_counter()
    presses: list[Press] = []
    due_s = 0.0
    while due_s < lasts_s:
        presses += await asyncio.gather(*(_press(run, began_s, due_s) for _ in range(at_once)))
        await settle()
        due_s = time.perf_counter() - began_s
    return presses


async def _press(run: Run, began_s: float, due_s: float) -> Press:
    verdict = await run()
    took_s = time.perf_counter() - began_s - due_s
    return Press(due_s, took_s, verdict())


def over_http(
    http: aiohttp.ClientSession,
    url: str,
    kata: Kata,
    judge: Callable[[Mapping[str, Any]], str] = lambda result: str(result["outcome"]),
) -> Run:
    """A run of the kata there. `judge` makes the verdict of the answer's seven keys; a run that
    was not carried out is its HTTP status, or the error's name.

    This is the one place where runs are measured in milliseconds, so it does without RunnerClient.
    That writes the request's JSON and reads the answer's while the clock runs: 0.02 ms of CPU for
    `true`, but 0.7 ms for 100 files and 2.6 ms for one of 500 KB. Here the body is made beforehand,
    and the answer read after the clock.
    """
    body = json.dumps(arguments_of(kata)).encode()
    headers = {"Content-Type": "application/json"}

    async def run() -> Verdict:
        try:
            async with http.post(f"{url}/run_cyber_dojo_sh", data=body, headers=headers) as got:
                status, answer = got.status, await got.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            name = type(error).__name__
            return lambda: name
        return lambda: (
            judge(json.loads(answer)["run_cyber_dojo_sh"]) if status == 200 else str(status)
        )

    return run


def arguments_of(kata: Kata) -> dict[str, Any]:
    """The arguments of a run, as the contract has them."""
    manifest: dict[str, Any] = {"image_name": kata.image_name, "max_seconds": kata.max_seconds}
    if kata.rag_lambda is not None:
        manifest["rag_lambda"] = kata.rag_lambda
    return {"id": kata.id, "files": dict(kata.files), "manifest": manifest}


def hits_and_misses(of_health: Mapping[str, Any], image: str) -> tuple[int, int]:
    """The hits and misses since the daemon's start."""
    pool = of_health["images"].get(image, {"hits": 0, "misses": 0})
    return pool["hits"], pool["misses"]


def median_ms(presses: Iterable[Press]) -> float:
    """The percentiles of how long runs took."""
    return percentile_ms(presses, 50)


def percentile_ms(presses: Iterable[Press], percent: float) -> float:
    """The time within which so many percent of the runs ended."""
    return percentile([press.took_s for press in presses], percent) * 1000


def percentile(found: Iterable[float], percent: float) -> float:
    """A percentile by the nearest rank: one of the values, and never one between two."""
    ordered = sorted(found)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
