"""The real engine, for tests of cells."""

from collections.abc import AsyncIterator

import pytest_asyncio

from pool import DockerClient, DockerContainers
from tests.runner.cells.support import Engine, launcher_on
from tests.runner.katas import DOCKER_HOST


@pytest_asyncio.fixture(scope="module")
async def engine() -> AsyncIterator[Engine]:
    """Everything that a container of cells needs."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    async with launcher_on(client) as launcher:
        yield Engine(client, containers, launcher)
    await containers.close()
    await client.close()
