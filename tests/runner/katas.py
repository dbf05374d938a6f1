"""Kata on the real engine, without HTTP and without Ruby."""

import asyncio
import io
import json
import os
import tarfile
import time
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import aiodocker

from pool import (
    DEFAULT_DOCKER_HOST,
    ContainerSpec,
    Delivery,
    DockerClient,
    DockerContainers,
    DockerImages,
    EngineError,
    Pools,
    PoolSettings,
    Sizes,
    Supervisor,
)
from runner.colour.questions import Colour
from runner.colour.traffic_light import TrafficLight
from runner.container.answer import Frame, Harvest, unpack
from runner.container.hand_over import hand_over
from runner.container.images import Images
from runner.container.roots import Roots
from runner.container.warm_up import WarmUps
from runner.kata import Kata, RunResult
from runner.run.admission import Admission
from runner.run.judge import Judge
from runner.run.patience import Patience
from runner.run.run import KataRunner
from runner.run.specs import Specs
from tests.fakes.kind import FakeKind
from tests.reports import Reports, unheard

DOCKER_HOST = os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST
# A part of images' names: test processes run side by side, and each removes the images it made.
THIS_PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "alone")
NONCE = "0123456789abcdef"
OURS = "127.0.0.1:1/dojo-runner-test"  # of a registry that nobody serves
_LABEL = "dojo-runner.test-image"


def kata(
    image: str, script: str, files: Mapping[str, str] | None = None, *, seconds: float = 10.0
) -> Kata:
    """A kata whose cyber-dojo.sh is `script`, and which has other files beside it."""
    return Kata("id", image, seconds, {"cyber-dojo.sh": script, **(files or {})})


async def harvest_of(engine: DockerContainers, spec: ContainerSpec, kata: Kata) -> Harvest:
    """Run a kata in a new container of exactly this spec. Raises EngineError."""
    started = await engine.start(spec)
    try:
        await started.stream.write(hand_over(kata, NONCE))
        frame = Frame(NONCE)
        async with asyncio.timeout(kata.max_seconds + 10):
            while not frame.is_complete:
                data = await started.stream.read()
                if not data:
                    raise EngineError("attach", f"no answer: {started.stream.complaints}")
                frame.feed(data)
        return unpack(frame.archives())
    finally:
        await started.stream.close()
        await engine.remove(started.container_id)


class ByStatus(TrafficLight):
    """A traffic light that is green for status 0, red for 1, else amber; it counts its
    questions.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def colour(self, source: str, stdout: str, stderr: str, status: str) -> Colour:
        """The colour of a status."""
        self.asked.append(status)
        return {"0": Colour.GREEN, "1": Colour.RED}.get(status, Colour.AMBER)

    async def hidden(self, patterns: Sequence[str], names: Sequence[str]) -> frozenset[str]:
        """No name is hidden."""
        return frozenset()


@dataclass
class Katas:
    """Runs kata, each in a container of its own that was warm if it could be."""

    runner: KataRunner
    pools: Pools
    light: ByStatus = field(default_factory=ByStatus)

    async def run(
        self, image: str, script: str, *, seconds: float = 10.0, files: Mapping[str, str] = {}
    ) -> RunResult:
        """What comes of a cyber-dojo.sh; unlike over HTTP the limit may be under a second."""
        kata = Kata("id", image, seconds, {"cyber-dojo.sh": script, **files})
        async with Patience(None) as patience:
            return await self.runner.run(kata, patience)


@asynccontextmanager
async def katas(
    delivery: Delivery,
    labels: Mapping[str, str],
    spec_of_kind: Callable[[ContainerSpec], ContainerSpec] = lambda spec: spec,
) -> AsyncIterator[Katas]:
    """A runner of kata on the real engine; its containers carry `labels`, and are gone
    afterwards.
    """
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    reports = Reports()
    images = Images(
        DockerImages(client, labels),
        changed=lambda: None,
        pulled=lambda name: None,
        listening=lambda _: None,
        supervisor=unheard(),
    )
    pools = Pools(containers, PoolSettings(sizes=Sizes(1, 1, 0)), supervisor=Supervisor(reports))
    light = ByStatus()
    roots = Roots()
    runner = KataRunner(
        engine=containers,
        images=images,
        pools=pools,
        admission=Admission(places=8, queue=100),
        judge=Judge(light),
        specs=Specs(
            delivery=delivery,
            runtime="",
            labels=labels,
            roots=roots,
            kind=FakeKind(spec_of_kind),
        ),
        roots=roots,
        warm_ups=WarmUps(),
        budget_s=60.0,
        ended=lambda run: None,
    )
    try:
        yield Katas(runner, pools, light)
    finally:
        await images.close()
        await pools.close()
        await containers.close()
        [label] = [f"{key}={value}" for key, value in labels.items()]
        left = await containers.list_containers(label)
        await client.close()
    assert (reports.errors, left) == ([], [])


async def build(client: DockerClient, name: str, dockerfile: str) -> str:
    """Build an image from no more than a Dockerfile; its id."""
    return await build_from(client, name, {"Dockerfile": dockerfile})


async def build_from(client: DockerClient, name: str, context: Mapping[str, str]) -> str:
    """Build an image from a context of a few files, of which scripts may be executed; its id."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in context.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(text.encode())
            entry.mode = 0o755 if text.startswith("#!") else 0o644
            tar.addfile(entry, io.BytesIO(text.encode()))
    packed.seek(0)
    said: list[Any] = []
    async for event in client.docker.images.build(
        fileobj=packed,
        encoding="identity",
        tag=name,
        labels={_LABEL: "yes"},
        forcerm=True,
        stream=True,
    ):
        said.append(event)
    found: dict[str, Any] = await client.docker.images.inspect(name)
    return str(found["Id"])


async def count_events(
    client: DockerClient, filters: Mapping[str, list[str]], since_s: float
) -> int:
    """How many events the engine has in its own books since a Unix time, by its filters."""
    until_s = time.time()
    params = {"since": f"{since_s:.3f}", "until": f"{until_s:.3f}", "filters": json.dumps(filters)}
    response = await client.docker._do_query("events", "GET", params=params)
    try:
        return len((await response.read()).splitlines())
    finally:
        response.close()


@asynccontextmanager
async def building() -> AsyncIterator[DockerClient]:
    """A client of the engine, for tests that build images."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    yield client
    await _remove_unnamed(client)
    await client.close()


@asynccontextmanager
async def built(
    client: DockerClient, what: str, contexts: Mapping[str, Mapping[str, str]]
) -> AsyncIterator[dict[str, str]]:
    """Images, built each from a context of a few files; their names, gone at the end.

    No registry has them, and a pull of one of them fails at once.
    """
    names = {one: f"{OURS}/{what}-{one.replace(' ', '-')}:{uuid.uuid4().hex}" for one in contexts}
    for one, context in contexts.items():
        await build_from(client, names[one], context)
    yield names
    for name in names.values():
        await client.docker.images.delete(name, force=True)


async def _remove_unnamed(client: DockerClient) -> None:
    """Remove the images that `build` made and whose names now mean others."""
    filters = {"dangling": ["true"], "label": [_LABEL]}
    for image in await client.docker.images.list(filters=filters):
        with suppress(aiodocker.DockerError):  # another test run may be at it, or use it
            await client.docker.images.delete(image["Id"])
