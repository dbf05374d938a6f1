"""What tests share: engines, and services on them behind a real HTTP port."""

import asyncio
import gc
import json
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import pytest
from hypothesis import settings as hypothesis_settings
from loguru import logger

from pool import DockerClient, DockerContainers, DockerHost, EngineError
from runner.container.profile import RED_AMBER_GREEN
from runner.daemon import raise_file_limit
from runner.engine.engines import docker_engines
from runner.operators.logs import set_up_logs
from runner.settings import Reuse, Settings
from tests.examples import examples
from tests.fakes import FakeEngine
from tests.hosts import refusal_of_cells
from tests.long_files import longest_first
from tests.runner.container.support import spec_of
from tests.runner.katas import DOCKER_HOST
from tests.serving import STATUS_LAMBDA, Served, catch_up, new_owner, serving
from tests.waiting import eventually

FAKE_IMAGE = "cyberdojo/fake:1"
DOCKER_IMAGE = "dojo-runner/python-pytest:latest"

# No example has a deadline of its own: on a machine that others use, a slow one tells nothing.
hypothesis_settings.register_profile("no deadline", deadline=None, max_examples=examples(100))
hypothesis_settings.load_profile("no deadline")


def pytest_configure() -> None:
    """Services of tests may open as many files as a daemon, which raises its own limit.

    A session of an ordinary user has a soft limit of 1024, with which a service warns in the log.
    """
    raise_file_limit()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Collect the tests without Python's collector of garbage, which finds none in them.

    It would look at them again and again, while they become more and while they are run.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def pytest_itemcollected(item: pytest.Item) -> None:
    """A test that with some parameters only repeats itself is long with these."""
    call = getattr(item, "callspec", None)
    if call and any(call.id in mark.args for mark in item.iter_markers("long_with")):
        item.add_marker(pytest.mark.long)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of several test processes none begins a long file when the others have nothing left to do."""
    if hasattr(config, "workerinput"):
        longest_first(items)


@pytest.fixture(scope="session")
def engine_errors() -> list[EngineError]:
    """The failed calls that the real engine's client reported."""
    return []


@pytest.fixture(scope="session")
async def docker_client(engine_errors: list[EngineError]) -> AsyncIterator[DockerClient]:
    """A client of the real engine."""
    client = DockerClient(DOCKER_HOST, engine_errors.append)
    yield client
    await client.close()


@pytest.fixture(scope="session")
async def docker_containers(docker_client: DockerClient) -> AsyncIterator[DockerContainers]:
    """Containers of the real engine."""
    containers = DockerContainers(docker_client)
    yield containers
    await containers.close()


class ServeFake(Protocol):
    """Serves on a fake engine of the test's own; its keywords are settings."""

    def __call__(
        self, engine: FakeEngine | None = None, **settings: Any
    ) -> AbstractAsyncContextManager[Served]:
        """A service that runs for as long as the block does."""


@pytest.fixture(scope="session")
def serve_fake() -> ServeFake:
    """Starts a service for a test that needs an engine, or settings, of its own."""

    def serve(
        engine: FakeEngine | None = None, **settings: Any
    ) -> AbstractAsyncContextManager[Served]:
        engine = engine or FakeEngine()
        chosen = Settings(_env_file=None, **{"warm": 1, "reuse": Reuse.NEVER, **settings})
        engine.images.add(FAKE_IMAGE, {RED_AMBER_GREEN: STATUS_LAMBDA.encode()})
        engine.images.add(chosen.ruby_image)
        if chosen.reuse is Reuse.CELLS:
            engine.images.add(chosen.launcher_image)
        return serving(chosen, engine.engines(), new_owner(), FAKE_IMAGE, engine)

    return serve


@pytest.fixture(scope="session")
async def fake_http(serve_fake: ServeFake) -> AsyncIterator[Served]:
    """A service on a fake engine."""
    engine = FakeEngine()
    async with serve_fake(engine, COMMIT_SHA="a1b2c3") as served:
        await served.until_ready()
        yield served
    assert not engine.containers.present
    assert engine.is_closed


class ServeDocker(Protocol):
    """Serves on the real engine; its keywords are settings beside the kind of container."""

    def __call__(self, reuse: Reuse, **settings: Any) -> AbstractAsyncContextManager[Served]:
        """A service that runs for as long as the block does."""


@pytest.fixture(scope="session")
def serve_docker(docker_containers: DockerContainers) -> ServeDocker:
    """Starts a service on the real engine for a test that needs settings of its own."""

    def serve(reuse: Reuse, **settings: Any) -> AbstractAsyncContextManager[Served]:
        return _on_docker(docker_containers, reuse, **{"network_holders": 0, **settings})

    return serve


@pytest.fixture(scope="session")
async def docker_http(docker_containers: DockerContainers) -> AsyncIterator[Served]:
    """A service on the real engine, with a container for each run."""
    async with _on_docker(docker_containers, Reuse.NEVER) as served:
        yield served


@pytest.fixture(scope="session")
async def cells_http(
    docker_client: DockerClient, docker_containers: DockerContainers
) -> AsyncIterator[Served]:
    """A service on the real engine, with a cell for each run, where the host does not refuse."""
    async with _on_docker(docker_containers, Reuse.CELLS) as served:
        if reason := await _refusal_of_cells(served, docker_client):
            pytest.skip(reason)
        yield served


async def _refusal_of_cells(served: Served, docker_client: DockerClient) -> str:
    """The switch of this host that refuses cells; empty once they can be had.

    On a slow host the service's first trial of a cell may end in a time-out. The service tries
    again by itself, so this waits.
    """
    security = (await DockerHost(docker_client).facts()).security

    async def cells() -> tuple[str, str]:
        reuse = served.service.health().as_json()["reuse"]
        return reuse["kind"], reuse.get("why_no_cells", "")

    def is_known(seen: tuple[str, str]) -> bool:
        return seen[0] == "cells" or bool(refusal_of_cells(seen[1], security))

    kind, why = await eventually(cells, is_known, within_s=90.0)
    return "" if kind == "cells" else refusal_of_cells(why, security)


@asynccontextmanager
async def _on_docker(
    docker_containers: DockerContainers, reuse: Reuse, **more: Any
) -> AsyncIterator[Served]:
    owner = new_owner()
    # A virtual machine's engine takes seconds to remove a container: no test is about how long.
    chosen = {"warm": 2, "warm_images": (DOCKER_IMAGE,), "COMMIT_SHA": "a1b2c3", "drain_s": 60.0}
    settings = Settings(_env_file=None, reuse=reuse, **{**chosen, **more})
    engines = docker_engines(settings.docker_host, owner)
    async with serving(settings, engines, owner, DOCKER_IMAGE) as served:
        await served.until_ready()
        yield served
    (label,) = [f"{key}={value}" for key, value in owner.labels().items() if key.endswith("owner")]
    assert await docker_containers.list_containers(label) == []


@pytest.fixture(scope="session")
async def start_s(docker_containers: DockerContainers) -> float:
    """How long a container of a kata takes to start here: the shortest of three, so that other
    work on the machine counts as little as can be.
    """
    loop = asyncio.get_running_loop()
    took_s = []
    for _ in range(3):
        before_s = loop.time()
        started = await docker_containers.start(spec_of(DOCKER_IMAGE))
        took_s.append(loop.time() - before_s)
        await started.stream.close()
        await docker_containers.remove(started.container_id)
    return min(took_s)


@pytest.fixture(
    params=["fake", *(pytest.param(one, marks=pytest.mark.docker) for one in ("docker", "cells"))]
)
def http(request: pytest.FixtureRequest) -> Served:
    """Each test runs with each service: on the fake engine, on the real one, and with cells."""
    served: Served = request.getfixturevalue(f"{request.param}_http")
    return served


@pytest.fixture
async def logs() -> AsyncIterator[list[dict[str, Any]]]:
    """The events of all that is logged during the test, and of no run that began before it."""
    await catch_up()
    events: list[dict[str, Any]] = []
    handlers = logging.root.handlers[:]
    set_up_logs("TRACE", lambda line: events.append(json.loads(line)))
    yield events
    logger.remove()
    logging.root.handlers[:] = handlers
