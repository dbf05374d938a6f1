"""The start of a daemon: refused, without an engine, and without cells."""

import asyncio
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pool import DockerContainers
from tests.daemon.support import BUSYBOX, alive, colour
from tests.daemon_process import DOCKER_HOST, daemon, environment, free_port
from tests.waiting import eventually

pytestmark = pytest.mark.docker


class TestRefusedStart:
    """A daemon that cannot start says so in one line, and leaves the engine alone."""

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
        """A DOCKER_HOST that is no address of an engine is refused in one line."""
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
    """A trial finds out that the launcher's image has no launcher, and runs go on in
    their own containers.
    """
    async with daemon(tmp_path, reuse="auto", launcher_image=BUSYBOX) as running:
        assert await colour(running, "exit 1") == "red"
        health = await running.health()
        [said] = await running.logged("cells cannot be had: each run gets a container of its own")

    assert health["reuse"]["kind"] == "single use"
    assert "/.dojo/cells" in health["reuse"]["why_no_cells"] == said["reason"]
    assert health["images"][BUSYBOX]["mode"] == "read-only"


async def test_more_folders_are_writable_in_cells_by_setting(tmp_path: Path) -> None:
    """A folder of the setting is writable, and all that a run writes there is gone with it."""
    script = "ls /usr/local; touch /usr/local/new && echo written"
    async with daemon(tmp_path, reuse="cells", reuse_overlays="/usr/local") as running:
        results = [await running.run(BUSYBOX, script) for _ in range(3)]
        health = await running.health()

    assert health["reuse"]["kind"] == "cells"
    assert {result["status"] for result in results} == {"0"}
    printed = {result["stdout"]["content"] for result in results}
    assert len(printed) == 1
    assert printed.pop().endswith("written\n")


async def test_no_engine(tmp_path: Path) -> None:
    """Without an engine the daemon lives and is not ready. It tells learners why a run cannot be,
    and operators where it looked for the engine and what to do.
    """
    nowhere = f"unix://{tmp_path}/none.sock"
    async with daemon(tmp_path, docker_host=nowhere, ready=False, warm_images=BUSYBOX) as running:
        await eventually(lambda: alive(running))

        assert await running.ask("ready?") == {"ready?": False}
        result = await running.run(BUSYBOX, "true")

        assert (result["outcome"], result["status"]) == ("faulty", "143")
        assert result["log"]["reason"] == "cannot connect to the engine: No such file or directory"
        [lost] = await running.logged("engine lost")
        assert lost["engine"] == nowhere
        assert "DOCKER_HOST" in lost["advice"]
        assert (await running.health())["status"] == "engine down"
        answer = await running.ask("pull_image", {"id": "id", "image_name": BUSYBOX})
        assert "cannot connect to the engine" in answer["exception"]["message"]
        assert "none.sock" not in str(result) + str(answer)
        assert await running.stop() == 0
        assert not [event for event in running.log() if "unexpected" in event["message"]]


async def test_the_engine_comes_later(tmp_path: Path) -> None:
    """A daemon is ready, and runs kata, as soon as an engine answers."""
    path = tmp_path / "late.sock"
    async with daemon(tmp_path, docker_host=f"unix://{path}", ready=False) as running:
        await eventually(lambda: alive(running))
        assert not await running.is_ready()

        os.symlink(DOCKER_HOST.removeprefix("unix://"), path)

        await eventually(running.is_ready)
        assert (await running.run(BUSYBOX, "exit 1"))["status"] == "1"
        # Ruby's container is started anew a little later.
        await eventually(lambda: colour(running, "exit 1"), lambda seen: seen == "red")
