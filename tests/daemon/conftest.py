"""The engine that the daemons of these tests use, seen from outside."""

from collections.abc import AsyncIterator

import pytest_asyncio

from pool import DockerClient, DockerContainers
from tests.daemon_process import DOCKER_HOST


@pytest_asyncio.fixture(scope="module")
async def engine() -> AsyncIterator[DockerContainers]:
    """The engine's containers, for a look from outside."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    yield containers
    await containers.close()
    await client.close()
