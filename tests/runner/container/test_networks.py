"""Containers in networks that are lent, on the real engine."""

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pool import Delivery, DockerClient, DockerContainers, DockerImages, Networks
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile
from runner.engine.network_holders import NetworkHolders
from tests.reports import unheard
from tests.runner.katas import DOCKER_HOST
from tests.waiting import eventually

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"
LABELS = {"dojo-runner.test": "networks"}
LAUNCHER = os.environ.get("CYBER_DOJO_RUNNER_LAUNCHER_IMAGE", "dojo-runner/launcher:latest")
PROGRAM = (Path(__file__).parent / "inside_network.py").read_text()


@dataclass
class Lent:
    """Networks of one holder, and the containers that may borrow them."""

    networks: Networks
    containers: DockerContainers

    @asynccontextmanager
    async def container(self, *, borrows: bool = True) -> AsyncIterator[dict[str, Any]]:
        """What a container finds in its network; it listens there until the end of the block."""
        spec = replace(
            spec_for(PYTHON, ImageProfile(PYTHON, Home.TMPFS, None), Delivery.ATTACH, LABELS),
            command=("python3", "-c", PROGRAM),
            prelude=b"",
            ready_mark=b"READY\n",
            borrows_network=borrows,
        )
        started = await self.containers.start(spec)
        try:
            await started.stream.write(b"\n")
            said = b""
            async with asyncio.timeout(20):
                while not said.endswith(b"\n"):
                    said += await started.stream.read()
            yield json.loads(said)
        finally:
            await started.stream.close()
            await self.containers.remove(started.container_id)

    async def holders_are(self, idle: int) -> None:
        """Wait until so many can lend."""

        async def counted() -> int:
            return self.networks.idle

        await eventually(counted, lambda found: found == idle)


@pytest.fixture
async def lent() -> AsyncIterator[Lent]:
    """One holder, which has passed its trial."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    networks = Networks()
    containers = DockerContainers(client, networks)
    holders = NetworkHolders(
        containers,
        DockerImages(client, LABELS),
        networks,
        most=1,
        image=LAUNCHER,
        runtime="",
        labels=LABELS,
        supervisor=unheard(),
        grow_s=0,
    )
    holders.start()
    networks.missed()
    one = Lent(networks, containers)
    await one.holders_are(1)
    yield one
    await holders.close()
    await containers.close()
    await client.close()


async def test_each_container_is_alone_in_its_network(lent: Lent) -> None:
    """Containers that borrow from the same holder, one after the other, cannot reach each other.

    Their networks are like those that the engine makes, to the last switch.
    """
    async with lent.container() as first:
        await lent.holders_are(1)
        async with lent.container() as second:
            await lent.holders_are(1)
            async with lent.container(borrows=False) as own:
                pass

    for one in (first, second, own):
        assert one["before"] == []
        assert one["after"] == ["AF_INET", "AF_UNIX"]
        assert one["like"] == own["like"]
    assert len({one["network"] for one in (first, second, own)}) == 3
