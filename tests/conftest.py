"""What tests share: engines, and services on them behind a real HTTP port."""

from collections.abc import AsyncIterator

import pytest

from pool import DEFAULT_DOCKER_HOST, DockerClient, DockerContainers, EngineError


@pytest.fixture(scope="session")
def engine_errors() -> list[EngineError]:
    """What the real engine's client reported."""
    return []


@pytest.fixture(scope="session")
async def docker_client(engine_errors: list[EngineError]) -> AsyncIterator[DockerClient]:
    """A client of the real engine."""
    client = DockerClient(DEFAULT_DOCKER_HOST, engine_errors.append)
    yield client
    await client.close()


@pytest.fixture(scope="session")
async def docker_containers(docker_client: DockerClient) -> AsyncIterator[DockerContainers]:
    """Containers of the real engine."""
    containers = DockerContainers(docker_client)
    yield containers
    await containers.close()
