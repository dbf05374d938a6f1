"""The service's image beside an engine that does not have it, such as a sidecar of Kubernetes."""

from contextlib import suppress
from uuid import uuid4

import aiohttp
import pytest

from tests.daemon_process import free_port
from tests.deploy.commands import BUSYBOX, CommandError, health_at, outcome_at, replica_at, run
from tests.faults.own_engine import own_engine
from tests.waiting import eventually

# The first of them waits for the image to be built.
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]


@pytest.mark.parametrize("reuse", ["never", "auto"])
async def test_an_engine_gets_the_service_s_files(
    image: str, web: aiohttp.ClientSession, reuse: str
) -> None:
    """An engine that has nothing but a kata's image gives three colours, in cells and without.

    The daemon runs on another engine, so its own image is not there. It loads its files instead.
    """
    port, name = free_port(), f"dojo-test-{uuid4().hex[:12]}"
    async with own_engine() as engine:
        await engine.take_over(BUSYBOX)
        await run("docker", *_run(name, port, engine.host.removeprefix("unix://"), reuse), image)
        try:
            await eventually(lambda: replica_at(web, port))
            colours = [await outcome_at(web, port, f"exit {n}") for n in range(3)]
            health = await health_at(web, port)
        finally:
            with suppress(CommandError):
                await run("docker", "stop", "--time=40", name)
            await run("docker", "rm", "--force", "--volumes", name)

    assert colours == ["green", "red", "amber"]
    assert health["reuse"]["kind"] == {"never": "single use", "auto": "cells"}[reuse]
    assert {one["source"] for one in health["tool_images"].values()} == {"loaded"}
    assert health["networks"]["why_no_more"] == ""


def _run(name: str, port: int, socket: str, reuse: str) -> tuple[str, ...]:
    return (
        *("run", "--detach", "--init", f"--name={name}", "--read-only", "--user=0:0"),
        *("--cap-drop=ALL", "--cap-add=DAC_OVERRIDE", "--cap-add=SETUID", "--cap-add=SETGID"),
        *("--security-opt=no-new-privileges", "--tmpfs=/tmp", "--memory=512m"),
        f"--volume={socket}:/var/run/docker.sock",
        f"--publish=127.0.0.1:{port}:4597",
        f"--env=CYBER_DOJO_RUNNER_REUSE={reuse}",
        f"--env=CYBER_DOJO_RUNNER_WARM_IMAGES={BUSYBOX}",
    )
