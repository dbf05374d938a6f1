"""`dojo-runner doctor`, as an operator types it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from pool.docker_host import DockerHost
from runner.doctor.trial import cells, kata_image
from tests.daemon_process import free_port
from tests.pool.fake_dockerd import FakeDockerd, answer, gibberish
from tests.runner.typed import Said, dojo_runner


def levels(said: Said) -> dict[str, str]:
    """How bad each thing is that was looked at."""
    findings: list[dict[str, Any]] = json.loads(said.stdout)["findings"]
    return {one["name"]: one["level"] for one in findings}


@pytest.mark.docker
async def test_a_machine_that_can_run_katas() -> None:
    """Every check is well, both kinds of delivery come to a colour, and the status is 0.

    Cells are more than katas need, and some hosts that run these tests have none.
    """
    said = await dojo_runner("doctor", "--json", CYBER_DOJO_RUNNER_PORT=str(free_port()))

    assert said.status == 0, said.stdout
    assert {name for name, level in levels(said).items() if level != "ok"} <= {"cells"}
    assert {"engine", "cgroups", "seccomp", "disk", "a run by attach", "a run by exec"} <= set(
        levels(said)
    )


@pytest.mark.docker
async def test_an_image_that_cannot_run() -> None:
    """An image without bash is a problem, in the engine's own words, with what to do."""
    said = await dojo_runner(
        "doctor", "--image", "dojo-runner/no-bash:latest", CYBER_DOJO_RUNNER_PORT=str(free_port())
    )

    assert said.status == 1
    assert re.search("bash.*: (?i:No such file or directory)", said.stdout)
    assert "dojo-runner image check dojo-runner/no-bash:latest" in said.stdout


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unix:///nowhere/docker.sock", "start the engine, or correct DOCKER_HOST"),
        ("tcp://127.0.0.1:1", "start the engine, or correct DOCKER_HOST"),
        ("docker", "DOCKER_HOST: Value error, must begin with unix://"),
    ],
)
async def test_no_engine(host: str, words: str) -> None:
    """Each wrong DOCKER_HOST is told in words that say what to do, and the status is 1."""
    said = await dojo_runner("doctor", DOCKER_HOST=host)

    assert said.status == 1
    assert words in said.stdout
    assert "Traceback" not in said.stdout + said.stderr


async def test_a_misspelt_setting() -> None:
    """The nearest name is told, and the rest of the machine is looked at all the same."""
    said = await dojo_runner(
        "doctor", DOCKER_HOST="unix:///nowhere.sock", CYBER_DOJO_RUNNER_PROT="1"
    )

    assert said.status == 1
    assert "did you mean CYBER_DOJO_RUNNER_PORT?" in said.stdout
    assert "user namespaces" in said.stdout


async def test_what_answers_is_no_engine(tmp_path: Path) -> None:
    """A socket behind which another program listens is a problem of the engine."""
    dockerd = FakeDockerd(tmp_path / "docker.sock")
    dockerd.on("GET /version", gibberish)
    async with dockerd.listening():
        said = await dojo_runner("doctor", "--json", DOCKER_HOST=dockerd.host)

    assert said.status == 1
    assert levels(said)["engine"] == "problem"


async def test_an_engine_of_another_shape(tmp_path: Path) -> None:
    """An engine whose answers lack what Docker's have is told, and nothing fails."""
    dockerd = FakeDockerd(tmp_path / "docker.sock")
    dockerd.on("GET /info", answer({}))
    async with dockerd.listening():
        said = await dojo_runner("doctor", "--json", DOCKER_HOST=dockerd.host)

    assert levels(said)["engine"] == "problem"
    assert "Traceback" not in said.stderr


@pytest.mark.parametrize(
    ("names", "wanted", "chosen"),
    [
        ([], [], "ruby"),
        (["alpine:1"], ["gcc:1"], "ruby"),
        (["cyberdojofoundation/gcc:1", "alpine:1"], [], "cyberdojofoundation/gcc:1"),
        (["cyberdojofoundation/gcc:1", "mine:1"], ["mine:1"], "mine:1"),
    ],
)
def test_which_image_is_tried(names: list[str], wanted: list[str], chosen: str) -> None:
    """`doctor` tries an image that is to be warm, else one of a language, else the
    one with Ruby.
    """
    assert kata_image(names, wanted, "ruby") == chosen


def test_why_there_are_no_cells() -> None:
    """The daemon's own reason is told; without cells katas run all the same."""
    found = cells({"kind": "single use", "why_no_cells": "no cell: Permission denied"})

    assert (found.level.value, found.found) == ("warning", "no cell: Permission denied")


@pytest.mark.docker
async def test_the_engine_tells_of_itself(docker_client: Any) -> None:
    """The facts are there."""
    facts = await DockerHost(docker_client).facts()

    assert facts.version
    assert facts.root.startswith("/")
