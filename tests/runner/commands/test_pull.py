"""`dojo-runner pull`, by itself and through a daemon."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from pool import LayerProgress
from runner.commands import pull
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.pool.fake_dockerd import FakeDockerd, chunks
from tests.runner.typed import dojo_runner

LAYERS: list[dict[str, Any]] = [
    {"status": "Pulling from kata", "id": "1"},
    {"status": "Downloading", "id": "0123", "progressDetail": {"current": 1, "total": 9}},
    {"status": "Downloading", "id": "0123", "progressDetail": {"current": 9, "total": 9}},
    {"status": "Pull complete", "id": "0123", "progressDetail": {}},
    {"status": "Status: Downloaded newer image"},
]


@pytest.fixture
async def dockerd(tmp_path: Path) -> AsyncIterator[FakeDockerd]:
    """An engine that answers what a test tells it to."""
    dockerd = FakeDockerd(tmp_path / "docker.sock")
    async with dockerd.listening():
        yield dockerd


def registry_says(dockerd: FakeDockerd, *events: dict[str, Any]) -> None:
    """What the engine tells while it pulls."""
    lines = (json.dumps(event).encode() + b"\r\n" for event in events)
    dockerd.on("POST /images/create", chunks(*lines))


async def test_each_layer_is_followed(dockerd: FakeDockerd) -> None:
    """There is a line for each change of a layer's status, and one at the end."""
    registry_says(dockerd, *LAYERS)

    said = await dojo_runner("pull", "gcc", DOCKER_HOST=dockerd.host)

    assert (said.status, said.stdout) == (0, "gcc:latest is on the node\n")
    assert said.stderr.splitlines() == [
        "1: Pulling from kata",
        "0123: Downloading",
        "0123: Pull complete",
        "Status: Downloaded newer image",
    ]


async def test_for_programs(dockerd: FakeDockerd) -> None:
    """--json prints what came of it, and nothing meanwhile."""
    registry_says(dockerd, *LAYERS)

    said = await dojo_runner("pull", "gcc:1", "--json", DOCKER_HOST=dockerd.host)

    assert json.loads(said.stdout) == {"image": "gcc:1", "pulled": True}
    assert said.stderr == ""


async def test_a_pull_that_fails_on_the_way(dockerd: FakeDockerd) -> None:
    """The registry's own words are one line, and the status is 1."""
    registry_says(dockerd, LAYERS[0], {"error": "dial tcp : slow down"})

    said = await dojo_runner("pull", "gcc", "--json", DOCKER_HOST=dockerd.host)

    assert (said.status, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert said.stderr == "dojo-runner: pull gcc:latest: dial tcp : slow down\n"


async def test_a_name_that_cannot_be_one() -> None:
    """A name that no image can have is refused before anybody is asked."""
    said = await dojo_runner("pull", "a b")

    assert (said.status, said.stderr) == (1, "dojo-runner: no image can have the name 'a b'\n")


async def test_through_a_daemon(serve_fake: ServeFake) -> None:
    """The daemon's node has it afterwards; a name without a tag is waited for, too."""
    engine = FakeEngine()
    engine.images.in_registry["gcc:latest"] = engine.images.add("template:1")
    async with serve_fake(engine) as served:
        await served.until_ready()
        said = await dojo_runner("pull", "gcc", "--url", served.url)

    assert (said.status, said.stdout) == (0, "gcc:latest is on the node\n")


async def test_through_a_daemon_that_cannot(serve_fake: ServeFake) -> None:
    """An image that no registry has is told in one line, and the status is 1."""
    async with serve_fake() as served:
        await served.until_ready()
        said = await dojo_runner("pull", "nowhere:1", "--url", served.url)

    assert (said.status, said.stdout) == (1, "")
    assert "nowhere:1 is not on this node, and could not be pulled" in said.stderr


async def test_bars_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Each layer has a bar with its own words; what is said of the whole image has none."""

    async def layers() -> AsyncIterator[LayerProgress]:
        yield LayerProgress("", "Pulling from kata")
        yield LayerProgress("0123", "Downloading", 1, 9)
        yield LayerProgress("4567", "Waiting")
        yield LayerProgress("0123", "Pull complete")

    await pull._in_bars(layers())

    shown = capsys.readouterr().err
    assert "0123 Pull complete" in shown
    assert "4567 Waiting" in shown
    assert "kata" not in shown
