"""The service's image, built and run."""

import json
import shlex
import tomllib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from runner.http.probe import DEADLINE_S
from runner.operators.spans import ROOT as ROOT_SPAN
from tests.daemon_process import free_port
from tests.deploy.commands import (
    BUSYBOX,
    ROOT,
    SOCKET,
    CommandError,
    health_at,
    outcome_at,
    replica_at,
    run,
    typed,
)
from tests.documentation.claims import claimed_by
from tests.documentation.clone import clone
from tests.documentation.shell import replaced
from tests.runner.operators.collector import collecting
from tests.waiting import eventually

# The first of them waits for the image to be built.
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]

LARGEST_BYTES = 300 * 1024 * 1024
[RUN] = claimed_by(__file__, "docker run ")
# In the order of the pages.
BUILD, BUILD_WITH_TRACES = claimed_by(__file__, "docker build ")
BASE = "--build-arg BASE=dojo-runner/base:latest"  # no Debian can be counted upon to be pulled
GROUP = '"$(stat -c %g /var/run/docker.sock)"'
LOCKED_DOWN = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges")


@asynccontextmanager
async def running(image: str, port: int, *options: str, group: str = "") -> AsyncIterator[str]:
    """A container of the image, as docs/deploy.md runs it; removed at the end."""
    name = f"dojo-test-{uuid.uuid4().hex[:12]}"
    warm = f"--env=CYBER_DOJO_RUNNER_WARM_IMAGES={BUSYBOX}"
    words = {
        "docker run ": f"docker run --name={name} {shlex.join((warm, *options))} ",
        " 127.0.0.1:4597:": f" 127.0.0.1:{port}:",
        GROUP: group or GROUP.replace("/var/run/docker.sock", str(SOCKET)),
        " /var/run/docker.sock:": f" {SOCKET}:",
        " dojo-runner/runner": f" {image}",
    }
    try:
        await typed(replaced(RUN.text, words))
        yield name
    finally:
        with suppress(CommandError):
            await run("docker", "rm", "--force", "--volumes", name)


async def state_of(name: str) -> dict[str, Any]:
    """What the engine says of a container."""
    state: dict[str, Any] = json.loads(
        await run("docker", "inspect", "--format={{json .State}}", name)
    )
    return state


async def test_what_it_says_of_itself(image: str) -> None:
    """The image's OCI labels tell version, licence and commit, and `/sha` tells the same commit."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    config = json.loads(await run("docker", "inspect", "--format={{json .Config}}", image))

    said = {
        name.removeprefix("org.opencontainers.image."): value
        for name, value in config["Labels"].items()
    }
    assert said["title"] == project["name"]
    assert said["description"] == project["description"]
    assert said["version"] == project["version"]
    assert said["licenses"] == project["license"]
    assert said["base.name"] == "dojo-runner/base:latest"
    assert said["url"] == project["urls"]["Homepage"]
    assert {"created", "source", "documentation"} <= said.keys()
    assert f"COMMIT_SHA={said['revision']}" in config["Env"]


async def test_docker_alone_makes_it(image: str, tmp_path: Path) -> None:
    """The page's own command builds the service in a clone, and it tells the clone's commit.

    The base is one that is here.
    """
    name = f"dojo-test/{uuid.uuid4().hex[:12]}"
    words = {" dojo-runner/runner ": f" {name} {BASE} "}
    try:
        await typed(replaced(BUILD.text, words), clone(tmp_path / "clone"))
        config = json.loads(await run("docker", "inspect", "--format={{json .Config}}", name))
        version = await run("docker", "run", "--rm", "--network=none", name, "--version")
    finally:
        with suppress(CommandError):
            await run("docker", "rmi", name)

    assert version == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert f"COMMIT_SHA={await run('git', 'rev-parse', 'HEAD')}" in config["Env"]


async def test_nobodys_user_and_no_tools(image: str) -> None:
    """The image runs as a number that is no user's, and has neither pip nor a compiler."""
    user = await run("docker", "inspect", "--format={{.Config.User}}", image)
    size = int(await run("docker", "inspect", "--format={{.Size}}", image))
    tools = await run(
        "docker", "run", "--rm", "--network=none", "--entrypoint=sh", image, "-c",
        "for tool in pip pip3 gcc cc make git curl hatchling; do command -v $tool; done; "
        "find / -xdev -path '*-packages/*' -regex '.*/\\(pip\\|hatchling\\|setuptools\\)'; true",
    )  # fmt: skip

    assert all(part.isdecimal() and int(part) > 0 for part in user.split(":"))
    assert tools == ""
    assert size < LARGEST_BYTES


async def test_life(image: str, web: aiohttp.ClientSession) -> None:
    """Read-only and without capabilities the image is ready and runs kata; SIGTERM ends
    it with 0.
    """
    port = free_port()
    async with running(image, port) as name:
        replica = await eventually(lambda: replica_at(web, port))
        colours = [await outcome_at(web, port, f"exit {n}") for n in range(3)]
        await run("docker", "stop", "--time=40", name)
        state = await state_of(name)
        left = await run(
            "docker", "ps", "--all", "--quiet", f"--filter=label=dojo-runner.replica={replica}"
        )

    assert colours == ["green", "red", "amber"]
    assert replica.endswith(":4597")
    assert (state["Status"], state["ExitCode"]) == ("exited", 0)
    assert left == ""


async def test_a_start_is_seen_at_once(image: str) -> None:
    """The engine asks a container that has just been started often, and without the pause of an
    old one.
    """
    check = json.loads(
        await run("docker", "inspect", "--format={{json .Config.Healthcheck}}", image)
    )
    between_s, at_most_s = (check[name] / 1e9 for name in ("Interval", "Timeout"))
    *command, pause_s = check["Test"]

    async with running(image, free_port()) as name:
        state = await eventually(
            lambda: state_of(name), lambda state: state["Health"]["Status"] == "healthy"
        )

    asked = [(seconds(one["Start"]), seconds(one["End"])) for one in state["Health"]["Log"]]
    from_one_to_the_next_s = [
        end_s - before_s
        for (_, before_s), (_, end_s) in pairwise([(0, seconds(state["StartedAt"])), *asked])
    ]
    assert command == ["CMD", "dojo-runner", "health", "--pause-s"]
    assert between_s == 2
    assert at_most_s > float(pause_s) + DEADLINE_S
    assert max(from_one_to_the_next_s) < between_s + float(pause_s)


def seconds(moment: str) -> float:
    """The engine's words for a moment, as a time since 1970."""
    return datetime.fromisoformat(moment).timestamp()


async def test_cells(image: str, web: aiohttp.ClientSession) -> None:
    """The image can have cells, and nothing of its own file system is needed on the host."""
    port = free_port()
    async with running(image, port, "--env=CYBER_DOJO_RUNNER_REUSE=cells") as name:
        await eventually(lambda: replica_at(web, port))
        colours = [await outcome_at(web, port, f"exit {n}") for n in (0, 1, 0, 1)]
        async with web.get(f"http://127.0.0.1:{port}/health") as response:
            health = await response.json()
        await run("docker", "stop", "--time=40", name)

    assert colours == ["green", "red", "green", "red"]
    assert health["reuse"]["kind"] == "cells", health["reuse"]
    assert health["images"][BUSYBOX]["mode"] == "cells"
    assert health["images"][BUSYBOX]["resets"] >= 3


@pytest.mark.parametrize("reuse", ["never", "cells"])
async def test_it_is_all_that_a_node_needs(
    image: str, web: aiohttp.ClientSession, reuse: str
) -> None:
    """Where a node has neither the image with Ruby nor the launcher's, the service's own does.

    It lends networks, too, in both kinds.
    """
    port = free_port()
    names = {"ruby": "dojo-test/no-ruby:latest", "launcher": "dojo-test/no-launcher:latest"}
    variables = (
        f"--env=CYBER_DOJO_RUNNER_{one.upper()}_IMAGE={name}" for one, name in names.items()
    )
    async with running(image, port, f"--env=CYBER_DOJO_RUNNER_REUSE={reuse}", *variables) as name:
        await eventually(lambda: replica_at(web, port))
        colours = [await outcome_at(web, port, f"exit {n}") for n in range(3)]
        health = await eventually(
            lambda: health_at(web, port), lambda health: health["networks"]["holders"]
        )
        await run("docker", "stop", "--time=40", name)

    assert colours == ["green", "red", "amber"]
    assert health["reuse"]["kind"] == {"never": "single use", "cells": "cells"}[reuse]
    assert set(health["tool_images"]) == set(names.values())
    assert all(chosen["is_own"] for chosen in health["tool_images"].values())


async def test_without_the_group(image: str) -> None:
    """The image itself opens no socket: without the socket's group it lives, and is not ready."""
    async with running(image, free_port(), group="65534") as name:

        async def complaint() -> str:
            try:
                return await run("docker", "exec", name, "dojo-runner", "health")
            except CommandError as error:
                return str(error)

        said = await eventually(complaint, lambda said: "engine down" in said)

    assert "engine down" in said


@pytest.fixture
async def image_with_traces() -> AsyncIterator[str]:
    """The service's image with the extra for traces, as docs/operations.md makes it."""
    name = f"dojo-test/traces:{uuid.uuid4().hex[:12]}"
    try:
        await typed(
            replaced(BUILD_WITH_TRACES.text, {" dojo-runner/runner:traces ": f" {name} {BASE} "})
        )
        yield name
    finally:
        with suppress(CommandError):
            await run("docker", "rmi", name)


async def test_traces(image_with_traces: str, web: aiohttp.ClientSession) -> None:
    """The image with the extra sends the spans of a run to a collector; it is on this host."""
    port = free_port()
    async with collecting() as collector:
        variables = {
            "CYBER_DOJO_RUNNER_HOST": "127.0.0.1",
            "CYBER_DOJO_RUNNER_PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        }
        options = (f"--env={name}={value}" for name, value in variables.items())
        async with running(image_with_traces, port, "--network=host", *options) as name:
            await eventually(lambda: replica_at(web, port))
            colour = await outcome_at(web, port, "exit 1")
            await run("docker", "stop", "--time=40", name)

    assert colour == "red"
    assert collector.services == {"dojo-runner"}
    assert collector.spans == sorted([ROOT_SPAN, "queue", "lease", "run", "harvest", "colour"])
