"""The engine as the service gets it."""

from typing import Any

import pytest

from pool import DockerContainers, NetworkHolder, Started, UnansweredError
from runner.engine.engines import Engines, docker_engines
from runner.service import Service
from runner.settings import Settings
from tests.fakes import FakeStream
from tests.serving import new_owner


async def a_bug() -> None:
    """Fail unforeseen."""
    raise RuntimeError("a bug")


@pytest.fixture
async def engines() -> Engines:
    """An engine that nobody asks."""
    return docker_engines("unix:///nowhere/docker.sock", new_owner())


async def test_a_bug_in_the_background_of_the_client_is_logged(
    engines: Engines, logs: list[dict[str, Any]]
) -> None:
    """A bug in what the engine's client does in the background is logged as the service's are."""
    containers = engines.containers
    assert isinstance(containers, DockerContainers)

    containers._tasks.start(a_bug(), "remove c1")
    await engines.close()

    assert [event["task"] for event in logs] == ["remove c1"]


async def test_a_bug_in_the_background_of_the_networks_is_logged(
    engines: Engines, logs: list[dict[str, Any]]
) -> None:
    """A holder that fails by a bug after a start is logged by its name."""
    stream = FakeStream()
    stream.close_error = RuntimeError("a bug")
    stream.say(b"1\n2\n")
    holder = NetworkHolder(Started("h1", "holder", stream), "", ended=lambda: None)
    assert engines.networks is not None
    await holder.renew()
    engines.networks.add(holder)

    with pytest.raises(UnansweredError):
        async with engines.networks.lend(""):
            raise UnansweredError("start", "no answer")
    await engines.networks.close()

    assert [event["task"] for event in logs] == ["network of h1"]


async def test_the_process_has_one_supervisor(engines: Engines) -> None:
    """`/health` shows the loops of the service, so both report to the same supervisor."""
    assert Service(Settings(), new_owner(), engines).supervisor is engines.supervisor
