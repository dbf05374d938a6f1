"""What a real engine's client is making or removing, which no sweep may take for forgotten."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from pool import ContainerSpec, DockerClient, DockerContainers, Seen
from tests.waiting import eventually

from .fake_dockerd import STDOUT, Answer, FakeDockerd, answer, frame, silence, upgraded

READY = b"ready"
DELETE = "DELETE /containers/c1"


@pytest.fixture
async def containers(client: DockerClient) -> AsyncIterator[DockerContainers]:
    """Containers of an engine whose answers the test scripts."""
    containers = DockerContainers(client)
    yield containers
    await containers.close()


def spec() -> ContainerSpec:
    """The spec of a container that says that it is ready."""
    return ContainerSpec("some/image", "sha256:1", ("cat",), READY, "")


def starting(dockerd: FakeDockerd, start: Answer) -> None:
    """An engine that answers all, but as it is told to a start."""
    dockerd.on("POST /containers/create", answer({"Id": "c1", "Warnings": []}, 201))
    dockerd.on("GET /containers/c1/json", answer({"Config": {"Tty": False}}))
    dockerd.on("POST /containers/c1/attach", upgraded(frame(STDOUT, READY)))
    dockerd.on("POST /containers/c1/start", start)


def works_on(containers: DockerContainers) -> bool:
    """Whether it works on a container of the name that it has given."""
    name = next(iter(containers._making), "none")
    return containers.works_on(Seen("c1", name, "created", {}))


async def test_from_before_it_is_made_until_it_is_returned(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """A start works on its container from before the engine knows it until the caller does."""
    starting(dockerd, silence)
    start = asyncio.create_task(containers.start(spec()))
    await eventually(lambda: _asked(dockerd, "POST /containers/c1/start"))

    assert works_on(containers)
    assert not containers.works_on(Seen("c2", "another", "created", {}))
    start.cancel()
    with suppress(asyncio.CancelledError):
        await start

    assert not works_on(containers)


async def test_while_it_is_removed(dockerd: FakeDockerd, containers: DockerContainers) -> None:
    """A removal works on its container until the engine has answered."""
    dockerd.on(DELETE, silence)
    removal = asyncio.create_task(containers.remove("c1"))
    await eventually(lambda: _asked(dockerd, DELETE))

    assert works_on(containers)
    removal.cancel()
    await asyncio.wait([removal])

    assert not works_on(containers)


async def _asked(dockerd: FakeDockerd, request: str) -> bool:
    return request in dockerd.asked
