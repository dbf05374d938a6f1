"""Three replicas on one engine: they warm each other, and one's misfortune is its own."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.siblings.notice import SIGNATURE_HEADER, sign
from tests.daemon_process import Daemon, daemon, free_port
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

IMAGE = "dojo-runner/busybox-bash:latest"
SECRET = "sixteen letters!"  # noqa: S105
WARM_MAX = 4


@asynccontextmanager
async def three(folder: Path) -> AsyncIterator[list[Daemon]]:
    """Three replicas that have found each other."""
    ports = [str(free_port()) for _ in range(3)]
    settings: dict[str, Any] = {
        "siblings": ",".join(f"127.0.0.1:{port}" for port in ports),
        "secret": SECRET,
        "warm_max": str(WARM_MAX),
    }
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(daemon(folder, port=port, **settings)) for port in ports
        ]
        for replica in replicas:
            await eventually(replica.health, lambda health: health["siblings"])
        yield replicas


def pool(health: dict[str, Any]) -> dict[str, Any]:
    """The health of the image's pool, empty if the image is not pooled."""
    found: dict[str, Any] = health["images"].get(IMAGE, {})
    return found


async def green(replica: Daemon) -> bool:
    """Whether an ordinary run on a replica is green."""
    return bool((await replica.run(IMAGE, "true"))["outcome"] == "green")


async def test_the_first_run_on_one_warms_the_others(tmp_path: Path) -> None:
    """The first runs on the other replicas are hits, and the teller hears nothing of itself."""
    async with three(tmp_path) as (first, *others):
        assert await green(first)

        for other in others:
            await eventually(other.health, lambda health: pool(health).get("warm"))
            assert await green(other)
            assert (pool(await other.health())["hits"], pool(await other.health())["misses"]) == (
                1,
                0,
            )
            assert first.replica in (await other.health())["heard_ago_s"]
        assert first.replica not in (await first.health())["heard_ago_s"]


async def test_a_killed_one_and_a_partitioned_one_cost_the_third_nothing(tmp_path: Path) -> None:
    """Runs of the third go on, the dead are left alone, and their orphans are removed."""
    async with three(tmp_path) as (first, killed, stopped):
        assert await green(killed)
        await eventually(killed.health, lambda health: pool(health).get("warm"))
        killed.process.kill()
        stopped.process.send_signal(signal.SIGSTOP)
        try:
            for _ in range(6):
                assert await green(first)

            await eventually(
                first.health,
                lambda health: len([one for one in health["siblings"] if one["failed"]]) >= 2,
            )
            await eventually(killed.containers, lambda found: not found, within_s=60)
        finally:
            stopped.process.send_signal(signal.SIGCONT)
        assert await eventually(lambda: green(stopped))


def notice(number: int) -> bytes:
    """A greedy notice of a sender that is no replica of ours."""
    fields = {
        "version": 1,
        "replica": "flood",
        "image": IMAGE,
        "takes": 1000,
        "told": 1,
        "take_rate": 1000.0,
        "fill_rate": 0.0,
        "warm": 0,
        "target": 1000,
        "sequence": number,
        "sent_at": time.time(),
    }
    return json.dumps(fields).encode()


@pytest.mark.parametrize("secret", ["a guess of ours!", SECRET], ids=["forged", "signed"])
async def test_a_flood_of_notices(tmp_path: Path, secret: str) -> None:
    """2,000 of them, forged or by a sibling gone mad: pools stay within limits, runs go on."""
    async with three(tmp_path) as (flooded, other, _), aiohttp.ClientSession() as http:
        assert await green(flooded)

        async def post(number: int) -> int:
            body = notice(number)
            headers = {SIGNATURE_HEADER: sign(secret, body)}
            async with http.post(f"{flooded.url}/refill", data=body, headers=headers) as response:
                return response.status

        async def flood() -> set[int]:
            statuses = set()
            for begin in range(0, 2000, 50):
                statuses |= set(await asyncio.gather(*map(post, range(begin, begin + 50))))
            return statuses

        flooding = asyncio.create_task(flood())
        while not flooding.done():
            assert await green(flooded)
            assert await green(other)
        statuses = await flooding

        health = await flooded.health()
        # Of notices that are on their way together a later one may overtake: 200, repeated.
        assert statuses - {200} == ({401} if secret != SECRET else {202, 429})
        assert pool(health)["target"] <= WARM_MAX
        assert pool(health)["warm"] + pool(health)["starting"] <= WARM_MAX
        assert "flood" not in (await other.health())["heard_ago_s"]
