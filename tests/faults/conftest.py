"""A service on an engine that may be broken, directly or through a proxy."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from runner.engine.engines import docker_engines
from runner.settings import Reuse, Settings
from tests.faults.own_engine import OwnEngine, own_engine
from tests.faults.proxy import Proxy, proxy
from tests.serving import Served, new_owner, serving

IMAGE = "dojo-runner/busybox-bash:latest"
LAUNCHER = "dojo-runner/launcher:latest"

Serve = Callable[..., AbstractAsyncContextManager[Served]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A dockerd can be started by root alone."""
    if os.geteuid() != 0:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip("starts a dockerd of its own, as root"))


@pytest.fixture(scope="session")
async def broken_engine() -> AsyncIterator[OwnEngine]:
    """The engine; each test leaves it running."""
    async with own_engine() as engine:
        for image in (IMAGE, LAUNCHER):
            await engine.take_over(image)
        yield engine


@pytest.fixture
async def engine(broken_engine: OwnEngine) -> AsyncIterator[OwnEngine]:
    """The engine, running at the beginning and at the end of a test."""
    yield broken_engine
    broken_engine.thaw()


@pytest.fixture
async def between(broken_engine: OwnEngine, tmp_path_factory: Any) -> AsyncIterator[Proxy]:
    """A proxy before the engine, which is well in the beginning."""
    async with proxy(broken_engine.socket.parent / "proxy.sock", broken_engine.socket) as made:
        yield made


@pytest.fixture
def serve() -> Serve:
    """Starts a service on the engine at an address; its keywords are settings."""

    @asynccontextmanager
    async def serve(docker_host: str, **settings: Any) -> AsyncIterator[Served]:
        owner = new_owner()
        few = {
            "warm": 1,
            "reuse": Reuse.NEVER,
            "network_holders": 0,
            "DOCKER_HOST": docker_host,
        }
        chosen = Settings(_env_file=None, **{**few, **settings})
        async with serving(chosen, docker_engines(docker_host, owner), owner, IMAGE) as served:
            yield served

    return serve


async def is_ready(http: Served) -> bool:
    """What `/ready` says."""
    return bool((await http.ask("/ready")).body["ready?"])


async def status(http: Served) -> str:
    """What `/health` says."""
    return str((await http.ask("/health", verb="GET")).body["status"])


async def warm(http: Served) -> int:
    """How many containers of the image are warm."""
    images = (await http.ask("/health", verb="GET")).body["images"]
    return int(images.get(IMAGE, {"warm": 0})["warm"])


async def well(http: Served) -> bool:
    """Whether a run has run: its colour is another engine's affair, as there is no Ruby here."""
    echoed = str(asyncio.get_running_loop().time())
    result = await http.run(f"echo {echoed}")
    return bool(result["stdout"]["content"] == f"{echoed}\n")


@asynccontextmanager
async def within(limit_s: float) -> AsyncIterator[None]:
    """Fails when the block takes longer, by the loop's clock; twice that on a loaded machine."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    yield
    assert loop.time() - began_s <= 2 * limit_s
