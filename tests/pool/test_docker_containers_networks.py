"""Containers that are started in networks which holders lend."""

import asyncio
import json
from dataclasses import replace

import pytest

from pool import DockerClient, DockerContainers, EngineError, NetworkHolder, Networks, Started
from tests.fakes import FakeStream
from tests.waiting import eventually

from .fake_dockerd import (
    FakeDockerd,
    answer,
    silence,
    upgraded,
)
from .healthy import READY, healthy
from .support import a_spec


class _Lent:
    """Networks of one holder, and the container `h1` that it is."""

    def __init__(self) -> None:
        self.networks = Networks()
        self.stream = FakeStream()
        self.stream.say(b"1\n2\n3\n")

    async def containers(self, client: DockerClient) -> DockerContainers:
        holder = NetworkHolder(Started("h1", "holder", self.stream), "", ended=lambda: None)
        await holder.renew()
        self.networks.add(holder)
        return DockerContainers(client, self.networks)


def _network_of(dockerd: FakeDockerd) -> list[str]:
    """The network of each container that was to be created."""
    bodies = [json.loads(body) for body in dockerd.bodies["POST /containers/create"]]
    return [body["HostConfig"]["NetworkMode"] for body in bodies]


async def test_a_start_borrows_a_network(dockerd: FakeDockerd, client: DockerClient) -> None:
    """A start borrows a network if its container may, and gives it back before the
    container is ready.
    """
    lent = _Lent()
    containers = await lent.containers(client)
    ready = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ready.wait()
        writer.write(READY)
        await silence(reader, writer)

    healthy(dockerd, upgraded(then=late))
    borrows = asyncio.create_task(containers.start(replace(a_spec(), borrows_network=True)))

    async def is_back() -> bool:
        return "POST /containers/c1/start" in dockerd.asked and lent.networks.idle == 1

    await eventually(is_back)
    ready.set()
    for started in (await borrows, await containers.start(a_spec())):
        await started.stream.close()

    assert _network_of(dockerd) == ["container:h1", "none"]


@pytest.mark.parametrize("step", ["create", "c1/start"])
async def test_a_holder_that_is_gone_fails_no_start(
    dockerd: FakeDockerd, client: DockerClient, step: str
) -> None:
    """A container that cannot get the holder's network is started in one of its own."""
    containers = await _Lent().containers(client)
    healthy(dockerd, upgraded(READY))
    works = dockerd.answer_to(f"POST /containers/{step}")
    refused = answer({"message": "cannot join network of a non running container: h1"}, 409)

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        dockerd.on(f"POST /containers/{step}", works)
        await refused(reader, writer)

    dockerd.on(f"POST /containers/{step}", once)
    started = await containers.start(replace(a_spec(), borrows_network=True))
    await started.stream.close()

    assert _network_of(dockerd) == ["container:h1", "none"]


async def test_a_faulty_image_is_no_fault_of_a_holder(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A start that would fail in any network is not tried in a second one."""
    containers = await _Lent().containers(client)
    healthy(dockerd, upgraded())
    dockerd.on("POST /containers/c1/start", answer({"message": "exec bash failed"}, 400))

    with pytest.raises(EngineError, match="exec bash failed"):
        await containers.start(replace(a_spec(), borrows_network=True))

    assert _network_of(dockerd) == ["container:h1"]
