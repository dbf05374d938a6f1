"""`dojo-runner image check`, as an author of a language's image types it."""

import json

import pytest

from tests.conftest import DOCKER_IMAGE
from tests.runner.typed import dojo_runner


async def checked(name: str) -> tuple[int, dict[str, str]]:
    """The status, and what is wrong with the image."""
    said = await dojo_runner("image", "check", name, "--json")
    findings = json.loads(said.stdout)["findings"]
    wrong = {one["name"]: one["found"] for one in findings if one["level"] == "problem"}
    return said.status, wrong


@pytest.mark.docker
async def test_an_image_that_has_all() -> None:
    """Each requirement is a line, and the status is 0."""
    said = await dojo_runner("image", "check", DOCKER_IMAGE)

    assert said.status == 0, said.stdout + said.stderr
    for name in ("size", "user and group", "bash", "find", "lambda", "cells", "warming"):
        assert f"{name:16} " in said.stdout


@pytest.mark.docker
@pytest.mark.parametrize(
    ("image", "lacks"),
    [
        ("no-bash", {"bash", "a run"}),
        pytest.param("no-user", {"user and group"}, marks=pytest.mark.long),
        pytest.param("no-rag", {"lambda's file"}, marks=pytest.mark.long),
    ],
)
async def test_an_image_that_lacks_something(image: str, lacks: set[str]) -> None:
    """The status is 42, and what is lacking is named, and nothing else."""
    status, wrong = await checked(f"dojo-runner/{image}:latest")

    assert (status, set(wrong)) == (42, lacks)


@pytest.mark.docker
async def test_an_image_that_is_not_here() -> None:
    """`image check` does not pull a missing image: one line says what to do."""
    said = await dojo_runner("image", "check", "dojo-runner/nowhere:1")

    assert (said.status, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert "is not on this node" in said.stderr


async def test_no_engine() -> None:
    """Without an engine, one line of `image check` says what to do."""
    said = await dojo_runner("image", "check", "x", DOCKER_HOST="unix:///nowhere.sock")

    assert (said.status, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert "cannot connect to the engine" in said.stderr
