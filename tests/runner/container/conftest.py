"""The real engine, with the images that only tests of the lockdown need."""

from collections.abc import AsyncIterator

import pytest_asyncio

from pool import DockerClient, DockerContainers
from tests.runner.container.support import CLANG, ODD, PYTHON
from tests.runner.katas import DOCKER_HOST, build


@pytest_asyncio.fixture(scope="package")
async def client() -> AsyncIterator[DockerClient]:
    """A client of the engine, on which the lockdown's own images exist until the tests are over."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    await build(
        client,
        ODD,
        f"FROM {PYTHON}\nRUN cp /usr/bin/id /usr/bin/whose && chmod u+s /usr/bin/whose"
        " && rmdir /tmp /home/sandbox\n",
    )
    made = [ODD, *CLANG]
    for name in CLANG:
        repository, _, tag = name.rpartition(":")
        await client.docker.images.tag(PYTHON, repository, tag=tag)
    yield client
    for name in made:
        await client.docker.images.delete(name)
    await client.close()


@pytest_asyncio.fixture(scope="package")
async def engine(client: DockerClient) -> AsyncIterator[DockerContainers]:
    """Containers of the engine."""
    containers = DockerContainers(client)
    yield containers
    await containers.close()
