"""Holders are made when networks are missed, and only on engines that look where the holder is."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from pool import EngineError, Networks
from runner.engine.network_holders import NetworkHolders
from tests.fakes import FakeContainers, FakeImages, FakeNetworks
from tests.reports import unheard
from tests.waiting import eventually

IMAGE = "dojo-runner/launcher:latest"
HOSTNAME = "sandbox"
Events = list[dict[str, Any]]


class Rig:
    """An engine in memory, on which each network has a number of its own."""

    def __init__(self) -> None:
        self.networks = Networks()
        self.images = FakeImages()
        self.program = FakeNetworks()
        self.containers = FakeContainers(self.images, {"/networks": self.program})
        self.holders = NetworkHolders(
            self.containers,
            self.images,
            self.networks,
            most=2,
            image=IMAGE,
            runtime="",
            labels={},
            supervisor=unheard(),
            grow_s=0,
            first_pause_s=0.05,
        )
        # The first holder is tried: a container prints the number of the network that it is in.
        self.containers.outputs[self.images.add(IMAGE).image_id] = b"1\n"

    async def miss(self) -> None:
        """A start finds no network."""
        async with self.networks.lend(HOSTNAME):
            pass

    async def until(self, idle: int, containers: int) -> None:
        """Wait until so many holders can lend, and so many containers are there."""

        async def counted() -> tuple[int, int]:
            return self.networks.idle, len(self.containers.present)

        await eventually(counted, lambda found: found == (idle, containers))


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Holders that have begun to be looked after."""
    rig = Rig()
    rig.holders.start()
    yield rig
    await rig.holders.close()
    assert rig.containers.present == {}


async def test_none_before_one_is_missed(rig: Rig) -> None:
    """A service that starts no container keeps no holder."""
    rig.holders.look_again()
    await rig.until(0, 0)

    assert rig.containers.starts == 0


async def test_as_many_as_are_missed(rig: Rig) -> None:
    """A start that finds no network has one more holder made, up to the most."""
    await rig.miss()
    await rig.until(1, 1)
    async with rig.networks.lend(HOSTNAME) as first:
        assert first is not None
        await rig.miss()
        await rig.until(1, 2)
        async with rig.networks.lend(HOSTNAME) as second:
            assert second is not None
            await rig.miss()

    await rig.until(2, 2)
    assert all(rig.holders.holds(container_id) for container_id in rig.containers.present)


async def test_a_holder_that_has_ended(rig: Rig) -> None:
    """A holder that has ended is removed.

    Another is made once it is missed and the engine is well.
    """
    await rig.miss()
    await rig.until(1, 1)
    (old,) = rig.containers.present
    rig.containers.kill(old)
    await rig.until(0, 0)
    assert not rig.holders.holds(old)

    await rig.miss()
    rig.program.newest = 0
    rig.holders.look_again()

    await rig.until(1, 1)


async def test_one_that_is_missed_at_once_comes_after_the_pause(rig: Rig) -> None:
    """A holder that is missed just after its end is made as soon as the pause is over."""
    await rig.miss()
    await rig.until(1, 1)
    (old,) = rig.containers.present
    rig.program.newest = 0
    rig.containers.kill(old)
    await rig.miss()

    await rig.until(1, 1)
    assert not rig.holders.holds(old)


async def test_an_image_that_comes_later(rig: Rig, logs: Events) -> None:
    """Without the image there are no holders, and the log says so; with it they are made."""
    rig.images.remove(IMAGE)
    await rig.miss()

    async def said() -> list[str]:
        return [event["reason"] for event in logs if event.get("reason")]

    assert await eventually(said) == [f"{IMAGE} is not on this node"]
    rig.images.add(IMAGE)
    rig.holders.look_again()

    await rig.until(1, 1)


async def test_an_engine_that_looks_elsewhere(rig: Rig, logs: Events) -> None:
    """No network is lent where the trial shows that containers would share the holder's first."""
    rig.containers.outputs[rig.images.on_node[IMAGE].image_id] = b"7\n"
    await rig.miss()

    async def said() -> list[tuple[str, str]]:
        return [(event["level"], event["reason"]) for event in logs if event.get("reason")]

    assert await eventually(said) == [("WARNING", "a container in network 1 is in b'7'")]
    await rig.until(0, 0)


async def test_an_engine_that_refuses(rig: Rig, logs: Events) -> None:
    """Where a holder cannot be started, the log has the reason, and starts go on as before."""
    rig.containers.start_error = EngineError("create", "capabilities are denied here", status=403)
    await rig.miss()

    async def said() -> list[str]:
        return [event["reason"] for event in logs if event.get("reason")]

    assert await eventually(said) == ["capabilities are denied here"]
    await rig.until(0, 0)
