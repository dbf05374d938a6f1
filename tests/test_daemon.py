"""The daemon as a process: its start, its end, its death, its siblings, and a long day."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from pool import DockerClient, DockerContainers
from tests.daemon_process import DOCKER_HOST, Daemon, daemon, environment, free_port
from tests.waiting import eventually

pytestmark = pytest.mark.docker

BUSYBOX = "dojo-runner/busybox-bash:latest"
RUNS = 200
RUNS_AT_ONCE = 4
# What an interpreter and its allocator still take on after some dozens of runs.
GROWTH_BYTES = 12 * 1024 * 1024


@pytest_asyncio.fixture(scope="module")
async def engine() -> AsyncIterator[DockerContainers]:
    """The engine's containers, for a look from outside."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    yield containers
    await containers.close()
    await client.close()


async def colour(running: Daemon, script: str = "true", **how: Any) -> str:
    """The outcome of a run."""
    return str((await running.run(BUSYBOX, script, **how))["outcome"])


async def begin(
    running: Daemon, script: str, count: int, *, seconds: float = 10
) -> list[asyncio.Task[dict[str, Any]]]:
    """Runs that are under way when the function returns."""
    runs = [
        asyncio.create_task(running.run(BUSYBOX, script, seconds=seconds)) for _ in range(count)
    ]
    await eventually(running.health, lambda health: health["running"] == count)
    return runs


class TestStop:
    """What SIGTERM and its like do."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_idle(self, tmp_path: Path, number: signal.Signals) -> None:
        """An idle daemon that is asked to stop ends with status 0 and leaves no container."""
        async with daemon(tmp_path, warm="2", warm_images=BUSYBOX) as running:
            await eventually(running.containers, lambda found: len(found) == 3)

            status = await running.stop(number)

            assert status == 0
            assert await running.containers() == []
            assert [event["message"] for event in running.log()][-2:] == ["draining", "stopped"]

    async def test_at_its_very_start(self, tmp_path: Path) -> None:
        """A daemon that is stopped while its first containers are being started leaves
        none of them.
        """
        async with daemon(tmp_path, warm="4", warm_images=BUSYBOX) as running:
            status = await running.stop()

            assert status == 0
            assert await running.containers() == []

    async def test_runs_under_way(self, tmp_path: Path) -> None:
        """Runs under way end as if nothing had been asked; nothing new is taken on;
        then all is gone.
        """
        async with daemon(tmp_path, warm="2") as running:
            await colour(running)
            runs = await begin(running, "for n in {1..100}; do usleep 10000; done; echo end", 2)

            stopping = asyncio.create_task(running.stop())
            answers = await asyncio.gather(*runs)

            assert [answer["outcome"] for answer in answers] == ["green", "green"]
            assert {answer["stdout"]["content"] for answer in answers} == {"end\n"}
            assert await stopping == 0
            assert await running.containers() == []
            assert not await running.is_ready()

    async def test_twice_is_at_once(self, tmp_path: Path) -> None:
        """A second signal ends the runs, too, and still leaves no container."""
        async with daemon(tmp_path, warm="1") as running:
            await colour(running)
            [run] = await begin(running, "while :; do :; done", 1)

            running.process.send_signal(signal.SIGTERM)
            await eventually(lambda: said(running, "draining"))
            status = await running.stop()

            assert status == 0
            assert not run.done() or run.exception() or run.result()["outcome"] != "green"
            assert await running.containers() == []
            await asyncio.gather(run, return_exceptions=True)


class TestLinger:
    """The time from SIGTERM to the closing of the port, for load balancers that look
    now and then.
    """

    async def test_runs_are_taken_on(self, tmp_path: Path) -> None:
        """A daemon that lingers is not ready and says so, but runs what still comes;
        then all is gone.
        """
        async with daemon(tmp_path, warm="1", linger_s="4") as running:
            await colour(running)
            began_s = time.monotonic()

            running.process.send_signal(signal.SIGTERM)
            await eventually(running.health, lambda health: health["status"] == "draining")
            assert not await running.is_ready()
            assert [await colour(running, f"exit {n}") for n in range(2)] == ["green", "red"]
            await eventually(lambda: alive(running), lambda lives: not lives)
            lingered_s = time.monotonic() - began_s

            assert await running.process.wait() == 0
            assert lingered_s >= 4
            assert await running.containers() == []

    async def test_a_run_that_began_while_lingering(self, tmp_path: Path) -> None:
        """A run that began while lingering is finished after the port is closed, like
        an earlier one.
        """
        async with daemon(tmp_path, warm="1", linger_s="1") as running:
            await colour(running)
            running.process.send_signal(signal.SIGTERM)
            await eventually(running.health, lambda health: health["status"] == "draining")

            run = asyncio.create_task(
                running.run(BUSYBOX, "for n in {1..200}; do usleep 10000; done; echo end")
            )
            await eventually(running.health, lambda health: health["running"] == 1)
            await eventually(lambda: alive(running), lambda lives: not lives)
            assert not run.done()

            assert (await run)["stdout"]["content"] == "end\n"
            assert await running.process.wait() == 0

    async def test_pooled_connections(self, tmp_path: Path) -> None:
        """A connection that waited for its next request gets it answered, and is told to close."""
        async with daemon(tmp_path, warm="1", linger_s="20") as running:
            connector = aiohttp.TCPConnector(limit=1)
            async with aiohttp.ClientSession(connector=connector) as pooled:
                async with pooled.get(f"{running.url}/alive") as response:
                    assert response.headers.get("Connection") != "close"
                    assert (await response.json()) == {"alive?": True}

                running.process.send_signal(signal.SIGTERM)
                await eventually(lambda: said(running, "draining"))
                async with pooled.get(f"{running.url}/alive") as response:
                    assert response.headers["Connection"] == "close"
                    assert (await response.json()) == {"alive?": True}

            assert await running.stop() == 0

    async def test_a_second_signal_ends_it(self, tmp_path: Path) -> None:
        """Whoever presses Ctrl-C twice waits for nobody."""
        async with daemon(tmp_path, warm="1", linger_s="60", warm_images=BUSYBOX) as running:
            await running.settled(BUSYBOX)
            running.process.send_signal(signal.SIGTERM)
            await eventually(lambda: said(running, "draining"))

            assert await running.stop() == 0  # which waits for less than the linger
            assert await running.containers() == []


async def said(running: Daemon, message: str) -> bool:
    """Whether the daemon's log has this message."""
    return bool(running.log(message))


class TestDeath:
    """What SIGKILL leaves to the next daemon."""

    @pytest.mark.parametrize("reuse", ["never", "cells"])
    async def test_orphans_go_and_runs_work_at_once(self, tmp_path: Path, reuse: str) -> None:
        """A daemon that was killed in the middle of runs leaves nothing to its successor."""
        async with daemon(tmp_path, warm="3", reuse=reuse) as killed:
            await colour(killed)
            await killed.settled()
            runs = await begin(killed, "while :; do :; done", 2)
            orphans = {seen.container_id for seen in await killed.containers()}
            await killed.stop(signal.SIGKILL)
            await asyncio.gather(*runs, return_exceptions=True)
            assert len(orphans) >= 4

            again = daemon(tmp_path, warm="1", replica=killed.replica, reuse=reuse)
            async with again as successor:
                assert await colour(successor, "exit 1") == "red"

                async def left() -> set[str]:
                    return orphans & {seen.container_id for seen in await successor.containers()}

                assert not await eventually(left, lambda ids: not ids)
                await successor.settled()

    async def test_another_replica_takes_them_as_well(self, tmp_path: Path) -> None:
        """Orphans go whatever their replica was called: their process is dead."""
        async with daemon(tmp_path, warm="2", warm_images=BUSYBOX) as killed:
            await killed.settled(BUSYBOX)
            await killed.stop(signal.SIGKILL)

            async with daemon(tmp_path, warm="0"):
                assert await eventually(killed.containers, lambda found: not found) == []


class TestRefusedStart:
    """What a daemon says when it cannot start: one line, and the engine is left alone."""

    def run(self, **settings: str) -> subprocess.CompletedProcess[str]:
        """A daemon that is expected to end by itself, with an engine that it must not ask."""
        return subprocess.run(
            [sys.executable, "-m", "runner", "serve"],
            env={**environment(**settings), "DOCKER_HOST": settings.get("engine", DOCKER_HOST)},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

    async def test_a_busy_port(self, engine: DockerContainers) -> None:
        """A daemon whose port is taken names it, ends with status 1, and has made no container."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            replica = f"test-busy-{port}"

            ended = await asyncio.to_thread(
                self.run, port=str(port), replica=replica, warm_images=BUSYBOX
            )

        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1
        assert f"cannot listen on 127.0.0.1:{port}: " in ended.stderr
        assert "in use" in ended.stderr
        assert await engine.list_containers(f"dojo-runner.replica={replica}") == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("port", "http"),
            ("port", "70000"),
            ("warm", "-1"),
            ("delivery", "pigeon"),
            ("max_seconds_cap", "nan"),
            ("log_level", "LOUD"),
            ("warmth", "3"),
        ],
    )
    def test_a_bad_setting(self, name: str, value: str) -> None:
        """A wrong value and a name that is no setting are named in one line, with status 1."""
        ended = self.run(**{"port": str(free_port()), name: value})

        assert ended.returncode == 1
        assert ended.stdout == ""
        assert ended.stderr.count("\n") == 1
        assert f"CYBER_DOJO_RUNNER_{name.upper()}" in ended.stderr
        assert "Traceback" not in ended.stderr

    def test_a_bad_docker_host(self) -> None:
        """An engine's address that cannot be one is refused as well."""
        ended = subprocess.run(
            [sys.executable, "-m", "runner", "serve"],
            env={**environment(port=str(free_port())), "DOCKER_HOST": "ssh://elsewhere"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )

        assert ended.returncode == 1
        assert ended.stderr.count("\n") == 1
        assert "DOCKER_HOST" in ended.stderr


async def test_cells_that_cannot_be_had(tmp_path: Path) -> None:
    """A launcher that is none is found out by trying; runs go on, each in its own container."""
    async with daemon(tmp_path, reuse="auto", launcher_image=BUSYBOX) as running:
        assert await colour(running, "exit 1") == "red"
        health = await running.health()
        [said] = running.log("cells cannot be had: each run gets a container of its own")

    assert health["reuse"]["kind"] == "single use"
    assert "/.dojo/cells" in health["reuse"]["why_no_cells"] == said["reason"]
    assert health["images"][BUSYBOX]["mode"] == "read-only"


async def test_more_folders_are_writable_in_cells_by_setting(tmp_path: Path) -> None:
    """All that a run writes into such a folder is gone with the run."""
    script = "ls /usr/local; touch /usr/local/new && echo written"
    async with daemon(tmp_path, reuse="cells", reuse_overlays="/usr/local") as running:
        results = [await running.run(BUSYBOX, script) for _ in range(3)]
        health = await running.health()

    assert health["reuse"]["kind"] == "cells"
    assert {result["status"] for result in results} == {"0"}
    printed = {result["stdout"]["content"] for result in results}
    assert len(printed) == 1
    assert printed.pop().endswith("written\n")


async def test_siblings_share_the_launchers_volume(tmp_path: Path) -> None:
    """A daemon that goes leaves the volume to its sibling, and nobody else can remove it."""
    async with (
        daemon(tmp_path, reuse="cells", warm="1") as one,
        daemon(tmp_path, reuse="cells", warm="1") as other,
    ):
        assert [await colour(one), await colour(other)] == ["green", "green"]
        assert await one.stop() == 0
        # What a prune does to all that are not in use.
        removing = await asyncio.create_subprocess_shell(
            "docker volume rm $(docker volume ls --quiet --filter name=dojo-runner-launcher-)",
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await removing.communicate()
        assert b"volume is in use" in said
        async with daemon(tmp_path, reuse="cells", warm="1") as third:
            assert [await colour(third), await colour(other)] == ["green", "green"]


async def test_siblings_leave_each_other_alone(tmp_path: Path) -> None:
    """Of two daemons on one engine neither counts, uses or sweeps the other's containers."""
    async with (
        daemon(tmp_path, warm="1", warm_images=BUSYBOX) as one,
        daemon(tmp_path, warm="2", warm_images=BUSYBOX) as other,
    ):
        await one.settled(BUSYBOX)
        await other.settled(BUSYBOX)
        before = {seen.container_id for seen in await other.containers()}

        # Its end and another's start are when a daemon removes what it takes for orphans.
        assert await one.stop() == 0
        async with daemon(tmp_path, warm="1", warm_images=BUSYBOX) as third:
            await third.settled(BUSYBOX)
            assert await colour(third) == "green"
            await third.settled(BUSYBOX)

        assert {seen.container_id for seen in await other.containers()} == before
        assert await colour(other) == "green"
        assert not other.log("traffic light replaced")


async def test_no_engine(tmp_path: Path) -> None:
    """Without an engine the daemon lives, is not ready, and says why a run cannot be."""
    nowhere = f"unix://{tmp_path}/none.sock"
    async with daemon(tmp_path, docker_host=nowhere, ready=False, warm_images=BUSYBOX) as running:
        await eventually(lambda: alive(running))

        assert await running.ask("ready?") == {"ready?": False}
        result = await running.run(BUSYBOX, "true")

        assert (result["outcome"], result["status"]) == ("faulty", "143")
        assert "none.sock" in result["log"]["reason"]
        assert (await running.health())["status"] == "engine down"
        answer = await running.ask("pull_image", {"id": "id", "image_name": BUSYBOX})
        assert "none.sock" in answer["exception"]["message"]
        assert not [event for event in running.log() if "unexpected" in event["message"]]
        assert await running.stop() == 0


async def test_the_engine_comes_later(tmp_path: Path) -> None:
    """As soon as an engine answers the daemon is ready, and runs kata."""
    path = tmp_path / "late.sock"
    async with daemon(tmp_path, docker_host=f"unix://{path}", ready=False) as running:
        await eventually(lambda: alive(running))
        assert not await running.is_ready()

        os.symlink(DOCKER_HOST.removeprefix("unix://"), path)

        await eventually(running.is_ready)
        assert (await running.run(BUSYBOX, "exit 1"))["status"] == "1"
        # Ruby's container is started anew a little later.
        await eventually(lambda: colour(running, "exit 1"), lambda seen: seen == "red")


async def alive(running: Daemon) -> bool:
    """Whether the daemon answers at all."""
    try:
        return bool((await running.ask("alive?"))["alive?"])
    except OSError:
        return False


class TestLongDay:
    """What a daemon keeps up over many runs and mishaps."""

    @pytest.mark.parametrize("reuse", ["never", "cells"])
    async def test_two_hundred_runs(self, tmp_path: Path, reuse: str) -> None:
        """Of 200 runs, four at a time, every answer is its own, nothing is left over,
        memory stays flat.
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
            assert [event for event in running.log() if event["level"] != "INFO"] == []
            assert await running.stop() == 0
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
