"""A daemon over many runs and mishaps."""

import asyncio
from pathlib import Path

import pytest

from pool import DockerContainers
from tests.daemon.support import BUSYBOX, begin, colour
from tests.daemon_process import daemon
from tests.waiting import eventually

# Two hundred runs, each with a container of its own, took 115 s on two cores that others used, too.
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]

RUNS = 200
RUNS_AT_ONCE = 4
# What an interpreter and its allocator still take on after some dozens of runs.
GROWTH_BYTES = 12 * 1024 * 1024


class TestLongDay:
    """A daemon serves as before after many runs, and after mishaps."""

    @pytest.mark.parametrize("reuse", ["never", "cells"])
    async def test_two_hundred_runs(self, tmp_path: Path, reuse: str) -> None:
        """Each of 200 runs, four at a time, gets its own answer.

        Nothing is left over, and memory stays flat.
        """
        async with daemon(tmp_path, warm="3", runs_at_once="4", reuse=reuse) as running:
            turns = asyncio.Semaphore(RUNS_AT_ONCE)

            async def run(number: int) -> tuple[str, str, list[str]]:
                async with turns:
                    result = await running.run(
                        BUSYBOX,
                        f"cat given; echo new >new_{number}; exit {number % 3}",
                        files={"given": f"{number}", "large": "x" * 20_000},
                    )
                return result["outcome"], result["stdout"]["content"], list(result["created"])

            first = await asyncio.gather(*map(run, range(RUNS // 4)))
            await running.settled()
            before_bytes = running.memory_bytes()
            rest = await asyncio.gather(*map(run, range(RUNS // 4, RUNS)))

            colours = ("green", "red", "amber")
            assert [*first, *rest] == [
                (colours[number % 3], str(number), [f"new_{number}"]) for number in range(RUNS)
            ]
            await running.settled()
            assert running.memory_bytes() < before_bytes + GROWTH_BYTES
            health = await running.health()
            assert (health["running"], health["queued"]) == (0, 0)
            assert health["images"][BUSYBOX]["takes"] == RUNS
            assert await running.stop() == 0
            assert [event for event in running.log() if event["level"] != "INFO"] == []
            assert await running.containers() == []

    async def test_warm_containers_killed_from_outside(
        self, tmp_path: Path, engine: DockerContainers
    ) -> None:
        """Warm containers that somebody kills are replaced, and the traffic light's as well."""
        async with daemon(tmp_path, warm="2", warm_images=BUSYBOX) as running:
            await running.settled(BUSYBOX)
            before = {seen.container_id for seen in await running.containers()}
            # What ends in its first two seconds counts as an image that cannot be started.
            old_s = (await running.health())["uptime_s"] + 2
            await eventually(running.health, lambda health: health["uptime_s"] > old_s)

            await asyncio.gather(*map(engine.remove, before))

            async def survivors() -> set[str]:
                return before & {seen.container_id for seen in await running.containers()}

            await eventually(survivors, lambda ids: not ids)
            assert [await colour(running, f"exit {n}") for n in range(3)] == [
                "green",
                "red",
                "amber",
            ]
            await running.settled()
            health = await running.health()
            assert health["images"][BUSYBOX]["discards"]["died while warm"] == 2

    async def test_a_container_killed_under_a_run(
        self, tmp_path: Path, engine: DockerContainers
    ) -> None:
        """A run whose container is killed is faulty, in the engine's words; the next is as ever."""
        async with daemon(tmp_path, warm="1") as running:
            await colour(running)
            await running.settled()
            [run] = await begin(running, "while :; do :; done", 1)
            leased = [
                seen.container_id
                for seen in await running.containers()
                if seen.labels.get("dojo-runner.image", BUSYBOX) == BUSYBOX
            ]

            await asyncio.gather(*map(engine.remove, leased))
            result = await run

            assert (result["outcome"], result["status"]) == ("faulty", "143")
            assert "no answer" in result["log"]["reason"]
            assert await eventually(lambda: colour(running), lambda seen: seen == "green")
            await running.settled()

    async def test_a_client_that_goes_away(self, tmp_path: Path) -> None:
        """The container of a client that went away is removed, and the next client is served."""
        async with daemon(tmp_path, warm="1") as running:
            await colour(running)
            [run] = await begin(running, "while :; do :; done", 1, seconds=1)
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)

            assert await colour(running, "exit 1") == "red"
            await eventually(running.health, lambda health: health["running"] == 0)
            await running.settled()
