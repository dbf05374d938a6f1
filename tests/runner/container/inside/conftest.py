"""Runners of kata for every image and way that `places` names."""

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from pool import ContainerSpec, Delivery, DockerClient
from runner.kata import RunResult
from tests.runner.cells.support import engine_of_cells
from tests.runner.container.inside.environments import IMAGES, dockerfile_of, name_of
from tests.runner.container.inside.places import TOOLS, Run, Way
from tests.runner.katas import DOCKER_HOST, Katas, build, katas


@pytest_asyncio.fixture(scope="package")
async def odd_images() -> AsyncIterator[dict[str, str]]:
    """Images with odd variables, by their kind."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    for kind in IMAGES:
        await build(client, name_of(kind), dockerfile_of(kind))
    yield {kind: name_of(kind) for kind in IMAGES}
    for kind in IMAGES:
        await client.docker.images.delete(name_of(kind), force=True)
    await client.close()


class _Ways(dict[Way, Katas]):
    """Runners of kata by their way. A test that asks for one which is not there is skipped."""

    why_not = ""

    def __missing__(self, way: Way) -> Katas:
        pytest.skip(self.why_not)


@pytest_asyncio.fixture(scope="package")
async def ways(odd_images: dict[str, str]) -> AsyncIterator[dict[Way, Katas]]:
    """Runners of kata, one for each way that this host has: some refuse cells.

    Their containers are gone before an image is.
    """
    assert odd_images
    labels = {
        way: {"dojo-runner.test": f"in-container-{way.value}-{uuid.uuid4().hex}"} for way in Way
    }
    there = _Ways()
    async with AsyncExitStack() as stack:
        for way, delivery in ((Way.ATTACH, Delivery.ATTACH), (Way.EXEC, Delivery.EXEC)):
            there[way] = await stack.enter_async_context(katas(delivery, labels[way]))
        try:
            engine = await stack.enter_async_context(engine_of_cells())
        except pytest.skip.Exception as refusal:
            there.why_not = str(refusal)
        else:

            def in_cells(spec: ContainerSpec) -> ContainerSpec:
                return replace(engine.launcher.spec_of(spec), most_runs=1000)

            there[Way.CELLS] = await stack.enter_async_context(
                katas(Delivery.ATTACH, labels[Way.CELLS], in_cells)
            )
        yield there


@pytest.fixture
def run(ways: dict[Way, Katas], way: Way, image: str) -> Run:
    """Runs a script in an image, in a way; see `everywhere` and `mostly`."""

    async def run(script: str, **how: Any) -> RunResult:
        return await ways[way].run(image, TOOLS + script, **how)

    return run
