"""Containers of cells on the real engine, and runs in them."""

import asyncio
import gzip
import json
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pool import ContainerSpec, Delivery, DockerClient, DockerContainers, DockerHost, EngineError
from pool.engine import Started
from runner.cells.cells import APPARMOR_PROFILE
from runner.cells.lockdown import LAUNCHER_FOLDER, cell_spec_of
from runner.cells.stream import CellStream
from runner.container.answer import Harvest, unpack
from runner.container.hand_over import hand_over_to_cell
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile
from runner.kata import Kata
from tests.hosts import refusal_of_cells
from tests.runner.katas import DOCKER_HOST, kata

# By the setting of the daemon, for who tries a launcher beside the one that others use.
LAUNCHER = os.environ.get("CYBER_DOJO_RUNNER_LAUNCHER_IMAGE", "dojo-runner/launcher:latest")
_PROGRAMS = Path(__file__).parents[1]
PROBE = {name: (_PROGRAMS / name).read_text() for name in ("probe/__main__.py", "probe/acts.py")}
PLANT = {"plant.py": (_PROGRAMS / "plant.py").read_text()}
PROBE_S = 100.0  # the probe starts 715 processes
_TRIED_WITH = "dojo-runner/busybox-bash:latest"
LABELS = {"dojo-runner.test": f"cells-{uuid.uuid4().hex}"}


@dataclass(frozen=True)
class Launcher:
    """A volume with the launcher, and the AppArmor profile that it needs on this host."""

    volume: str
    apparmor: str = ""

    def spec_of(self, spec: ContainerSpec, *overlays: str) -> ContainerSpec:
        """A container of cells, each as limited as `spec`."""
        return cell_spec_of(spec, self.volume, *overlays, apparmor=self.apparmor)


@dataclass
class Engine:
    """The real engine, with a launcher."""

    client: DockerClient
    containers: DockerContainers
    launcher: Launcher


@asynccontextmanager
async def engine_of_cells() -> AsyncIterator[Engine]:
    """The real engine, and the launcher in a volume that the engine fills from its image. Skips the
    test where the host is known to refuse cells, with the host's reason.
    """
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    try:
        async with _launcher_volume(client) as volume:
            launcher = Launcher(volume, await _apparmor_for(client, volume))
            yield Engine(client, containers, launcher)
    finally:
        await containers.close()
        await client.close()


async def _apparmor_for(client: DockerClient, volume: str) -> str:
    """The AppArmor profile under which a cell can be had; empty: the engine's own."""
    containers = DockerContainers(client)
    errors = []
    try:
        for profile in ("", APPARMOR_PROFILE):
            try:
                spec = single_use(_TRIED_WITH)
                async with cell_container(containers, Launcher(volume, profile), spec):
                    return profile
            except EngineError as error:
                errors.append(error)
    finally:
        await containers.close()
    if reason := refusal_of_cells(errors[0].message, (await DockerHost(client).facts()).security):
        pytest.skip(reason)
    raise errors[0]


@asynccontextmanager
async def _launcher_volume(client: DockerClient) -> AsyncIterator[str]:
    name = f"dojo-runner-test-{uuid.uuid4().hex}"
    volume = await client.docker.volumes.create(  # type: ignore[no-untyped-call]
        {"Name": name, "Labels": LABELS}
    )
    mount = {"Type": "volume", "Source": name, "Target": LAUNCHER_FOLDER}
    body: dict[str, Any] = {"Image": LAUNCHER, "Labels": LABELS, "HostConfig": {"Mounts": [mount]}}
    try:
        container = await client.docker.containers.create(body)
        await container.delete()
        yield name
    finally:
        await volume.delete()


def single_use(image: str, home: Home = Home.TMPFS) -> ContainerSpec:
    """The spec of the container that serves one run."""
    return spec_for(image, ImageProfile(image, home, None), Delivery.ATTACH, LABELS)


class UnfitError(Exception):
    """The launcher says that its container must serve no further run."""


class CellContainer:
    """One container that serves run after run."""

    def __init__(self, started: Started) -> None:
        self.started = started
        self._last: CellStream | None = None  # of the run before, until the next cell waits

    async def send(self, data: bytes) -> None:
        """Write to the launcher."""
        await self.started.stream.write(data)

    async def run(self, kata: Kata) -> Harvest:
        """One run in the next cell. Raises UnfitError after the answer, or in its place."""
        harvest = await self.answer_of(kata)
        await self.until_ready()
        return harvest

    async def answer_of(self, kata: Kata) -> Harvest:
        """The answer as soon as it is there; the next cell may not yet be."""
        await self.until_ready()
        cell = self._last = CellStream(self.started.stream)
        await self.send(hand_over_to_cell(kata))
        async with asyncio.timeout(PROBE_S + 10):
            while not cell.is_complete:
                if not await cell.receive():
                    raise UnfitError(cell.unfit)
        return unpack(cell.archives())

    async def until_ready(self) -> None:
        """Until the next cell waits. Raises UnfitError when there will be none."""
        if self._last is None:
            return
        async with asyncio.timeout(PROBE_S + 10):
            unfit = await self._last.next_cell()
        if unfit:
            raise UnfitError(unfit)
        self._last = None


@asynccontextmanager
async def cell_container(
    engine: DockerContainers, launcher: Launcher, spec: ContainerSpec, *overlays: str
) -> AsyncIterator[CellContainer]:
    """A container of cells, each as limited as `spec`; gone afterwards."""
    started = await engine.start(launcher.spec_of(spec, *overlays))
    try:
        yield CellContainer(started)
    finally:
        await started.stream.close()
        await engine.remove(started.container_id)


def probing(image: str, before: str = "") -> Kata:
    """A run of the probe, after a few lines of bash."""
    return kata(image, f"{before}\npython3 -m probe", PROBE, seconds=PROBE_S)


def report_of(harvest: Harvest) -> dict[str, dict[str, str]]:
    """The report that the probe wrote, by its sections."""
    names = sorted(name for name in harvest.files if name.startswith(b"report."))
    assert names, harvest.stderr.decode()
    packed = b"".join(harvest.files[name] for name in names)
    report: dict[str, dict[str, str]] = json.loads(gzip.decompress(packed))
    return report
