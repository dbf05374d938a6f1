"""Hostile requests and broken clients, against the daemon as a process of its own."""

import asyncio
import io
import json
import os
import random
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.adversary.alive import alive_times
from tests.daemon_process import Daemon, daemon
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

IMAGE = "dojo-runner/busybox-bash:latest"
MIB = 1024 * 1024
MEMORY_BYTES = 512 * MIB  # compose's limit
ALIVE_P99_S = 0.2  # half of it on a machine that nobody else uses
ANSWERS_WITHIN_S = 120.0
# What the log says when there are too many connections, and when there are not any more.
CROWDED = "too many connections: the oldest that ask nothing are dropped"
CALM = "connections are within their limits again"


def kata(files: dict[str, str], script: str = "true") -> bytes:
    """The body of a run."""
    manifest = {"image_name": IMAGE, "max_seconds": 10, "rag_lambda": "->(_o,_e,_s) { :green }"}
    return json.dumps(
        {"id": "x", "files": {"cyber-dojo.sh": script, **files}, "manifest": manifest},
        ensure_ascii=False,
    ).encode()


def noise(size: int) -> str:
    """Text that does not compress."""
    return random.Random(1).randbytes(size // 2).hex()  # noqa: S311 - no secret


async def ask(http: aiohttp.ClientSession, running: Daemon, body: bytes) -> tuple[int, Any]:
    """The status and the JSON of an answer."""
    url = f"{running.url}/run_cyber_dojo_sh"
    async with http.post(url, data=io.BytesIO(body)) as response:
        return response.status, await response.json()


@asynccontextmanager
async def client() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with as many connections as it likes."""
    limits = aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=limits, connector=connector) as http:
        yield http


async def is_well(running: Daemon) -> bool:
    """Whether an ordinary run is green."""
    return bool((await running.run(IMAGE, "exit 0"))["outcome"] == "green")


@asynccontextmanager
async def stays_quick(running: Daemon) -> AsyncIterator[None]:
    """All but one of a hundred answers of `/alive` come soon while the block runs.

    Soon is a fifth of a second, or what this machine needs for it at other times, and some.
    """
    async with alive_times(running.url) as before:
        await asyncio.sleep(1)
    async with alive_times(running.url) as times:
        yield
    soon_s = max(ALIVE_P99_S, 8 * before.p99_s)
    told = sorted(times.seconds)
    assert times.p99_s < soon_s, (soon_s, len(told), told[len(told) // 2], told[-5:])


DEEP = {f"{number:04}/" + "/".join(["a"] * 1989): "" for number in range(50)}


async def test_large_bodies_and_deep_names_fit_into_the_memory_of_compose(tmp_path: Path) -> None:
    """Twelve bodies of 15 MiB at once, beside deep names, are all answered within
    compose's 512 MiB.
    """
    large = kata({"large": noise(15 * MIB)})
    wide = kata({"large": "x" * 15 * MIB + "\N{SNAKE}"})
    async with daemon(tmp_path) as running, client() as http:
        assert await is_well(running)
        bodies = [large] * 6 + [wide] * 6 + [kata(DEEP)] * 4
        answers = await asyncio.gather(*(ask(http, running, body) for body in bodies))

        assert {status for status, _ in answers[:12]} <= {200, 503}
        assert any(status == 200 for status, _ in answers[:12])
        assert [status for status, _ in answers[12:]] == [400] * 4
        assert running.peak_bytes() < MEMORY_BYTES
        assert await is_well(running)


async def test_deep_names_are_refused_at_once(tmp_path: Path) -> None:
    """File names that are too deep are answered with 400, which names the limit.

    Nobody else waits meanwhile.
    """
    async with daemon(tmp_path) as running, client() as http, stays_quick(running):
        for _ in range(20):
            status, body = await ask(http, running, kata(DEEP))
            assert status == 400
            assert "parts, over the limit of 64" in body["exception"]["message"]


HOSTILE_JSON: dict[str, Callable[[], bytes]] = {
    "arrays": lambda: b"[" + b"[]," * 5_000_000 + b"1]",
    "objects": lambda: b"[" + b"{}," * 5_000_000 + b"1]",
    "small keys": lambda: b"{" + b",".join(b'"%x":0' % key for key in range(1_000_000)) + b"}",
    "nesting": lambda: b"[" * 15_000_000,
    "long numbers": lambda: b"[" + (b"9" * 4000 + b",") * 3500 + b"1]",
    "quotes": lambda: b'"' * 15_000_000,
    "escapes": lambda: b'{"a":"' + b"\\n" * 7_500_000 + b'"}',
    "backslashes": lambda: b'{"a":"' + b"\\" * 15_000_000,
}


@pytest.mark.parametrize("kind", HOSTILE_JSON)
async def test_hostile_json_neither_stops_the_loop_nor_fills_the_memory(
    tmp_path: Path, kind: str
) -> None:
    """Hostile JSON is answered with 400, and takes little more memory than its own size."""
    body = HOSTILE_JSON[kind]()
    async with daemon(tmp_path) as running, client() as http:
        before_bytes = running.peak_bytes()
        async with stays_quick(running):
            answers = [await ask(http, running, body) for _ in range(4)]

        assert {status for status, _ in answers} == {400}
        assert running.peak_bytes() - before_bytes < 4 * len(body)


async def test_silent_connections_keep_nobody_out(tmp_path: Path) -> None:
    """With more silent connections than descriptors runs are served, and the log says once why."""
    under = ("prlimit", "--nofile=256:256")
    async with daemon(tmp_path, under=under, host_containers="10") as running, client() as http:
        writers = []
        async with stays_quick(running):
            for _ in range(400):
                _, writer = await asyncio.open_connection(*address(running))
                writers.append(writer)
            assert await is_well(running)
            status, _ = await ask(http, running, kata({}))
            assert status == 200
        for writer in writers:
            writer.close()
        assert len(await running.logged(CALM)) == 1

        assert len(running.log(CROWDED)) == 1


async def test_a_soft_limit_of_files_is_raised(tmp_path: Path) -> None:
    """More clients than the soft limit of open files can wait at once: the hard limit counts."""
    under = ("prlimit", "--nofile=128:4096")
    async with daemon(tmp_path, under=under) as running:
        writers = [(await asyncio.open_connection(*address(running)))[1] for _ in range(300)]

        assert await is_well(running)
        for writer in writers:
            writer.close()
        assert await running.stop() == 0
        assert running.log(CROWDED) == []


async def test_a_log_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """If nobody reads the log, runs are answered, lost lines are counted, and
    SIGTERM ends the daemon well.
    """
    source, sink = os.pipe()
    try:
        async with daemon(tmp_path, stdout=sink) as running, client() as http:
            os.close(sink)  # here; the daemon has its own
            async with stays_quick(running):
                for _ in range(700):
                    await asyncio.gather(*(refused(http, running) for _ in range(3)))
                assert await is_well(running)
            async with http.get(f"{running.url}/metrics") as response:
                metrics = await response.text()
            assert await running.stop(signal.SIGTERM) == 0
    finally:
        os.close(source)
    [line] = [
        line for line in metrics.splitlines() if line.startswith("runner_log_lines_dropped_t")
    ]
    assert float(line.split()[1]) > 0


@pytest.mark.parametrize("stdout", [">&-", "> >(true)"], ids=["closed", "its reader is gone"])
async def test_a_log_that_goes_nowhere_is_no_error(tmp_path: Path, stdout: str) -> None:
    """If stdout is closed, stderr has no trace of the log, and runs go on."""
    errors = tmp_path / "errors"
    under = ("bash", "-c", f'exec "$@" 2>{errors} {stdout}', "bash")
    async with daemon(tmp_path, under=under) as running, client() as http:
        for _ in range(20):
            await refused(http, running)

        assert await is_well(running)
        assert await running.stop(signal.SIGTERM) == 0
    assert errors.read_text() == ""


async def test_a_run_whose_client_left_is_broken_off(tmp_path: Path) -> None:
    """A run whose client has left ends long before its time is over, on a real engine."""
    async with daemon(tmp_path, warm="0") as running, client() as http:
        asking = asyncio.create_task(ask(http, running, kata({}, "sleep 20")))
        await eventually(running.health, lambda health: health["running"] == 1)
        await eventually(running.containers, lambda found: len(found) >= 2)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await eventually(running.health, lambda health: health["running"] == 0, within_s=8)
        await running.settled()

        assert len(await running.logged("run abandoned")) == 1


async def test_a_crowd_is_served_or_told_to_try_again(tmp_path: Path) -> None:
    """Of 500 runs at once some are answered, and all others get 503 with a Retry-After."""
    async with daemon(tmp_path, queue="20") as running, client() as http:

        async def one() -> int:
            url = f"{running.url}/run_cyber_dojo_sh"
            async with http.post(url, data=kata({})) as response:
                assert response.status == 200 or "Retry-After" in response.headers
                return response.status

        async with stays_quick(running):
            statuses = await asyncio.gather(*(one() for _ in range(500)))

        assert set(statuses) == {200, 503}
        assert statuses.count(200) >= 3
        assert await is_well(running)


def address(running: Daemon) -> tuple[str, int]:
    """The host and the port of a daemon."""
    host, _, port = running.url.removeprefix("http://").partition(":")
    return host, int(port)


async def refused(http: aiohttp.ClientSession, running: Daemon) -> None:
    """A request that leaves a line in the log."""
    async with http.post(f"{running.url}/{'x' * 7000}", data=b"x") as response:
        assert response.status == 400
        await response.read()
