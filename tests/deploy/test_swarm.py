"""The stacks, and a rolling update under load on a swarm of one node."""

import asyncio
import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.daemon_process import free_port
from tests.deploy import clients
from tests.deploy.commands import BUSYBOX, IMAGE, ROOT, CommandError, replica_at, run, typed
from tests.documentation.claims import claimed_by
from tests.documentation.pages import Command
from tests.documentation.shell import replaced
from tests.waiting import eventually

SWARM = ROOT / "deploy" / "swarm"
CLIENTS = Path(clients.__file__)
PROGRAM = CLIENTS.read_text()
# Where the image's packages are, for a program that is not started from its environment.
IN_IMAGE = "/opt/dojo-runner/bin/python"
UP_WITHIN_S = 60
SECRET_NAME = "cyber_dojo_runner_secret"  # noqa: S105 - no secret

[SECRET] = claimed_by(__file__, "openssl ")
ON_EACH, ON_ONE = claimed_by(__file__, "docker stack ")


def stack(name: str) -> dict[str, Any]:
    """What a stack's file says."""
    read: dict[str, Any] = yaml.safe_load((SWARM / name).read_text())
    return read


def seconds(text: str) -> int:
    """The number of seconds in a text such as `90s`."""
    return int(text.removesuffix("s"))


@pytest.mark.parametrize("name", ["stack.yaml", "single-node.yaml"])
def test_time_to_end(name: str) -> None:
    """Swarm's grace period is longer than a replica's linger and drain together."""
    runner = stack(name)["services"]["runner"]

    linger_s, drain_s = (
        int(runner["environment"][f"CYBER_DOJO_RUNNER_{name}_S"].split(":-")[1].rstrip("}"))
        for name in ("LINGER", "DRAIN")
    )

    assert linger_s > 10  # as long as common clients remember a name's addresses
    assert seconds(runner["stop_grace_period"]) >= linger_s + drain_s + 5
    assert runner["deploy"]["update_config"]["order"] == "start-first"
    assert "ports" not in runner


def test_the_two_stacks_agree() -> None:
    """The stacks for one node and for many differ only in what a single node needs."""
    many = stack("stack.yaml")
    one = stack("single-node.yaml")
    runner = one["services"]["runner"]
    for name in ("HOST_CONTAINERS", "RUNS_AT_ONCE"):
        del runner["environment"][f"CYBER_DOJO_RUNNER_{name}"]
    assert (runner["deploy"].pop("mode"), runner["deploy"].pop("replicas")) == ("replicated", 3)
    assert many["services"]["runner"]["deploy"].pop("mode") == "global"
    del one["services"]["balancer"]

    assert one == many


async def swarm_state() -> str:
    """Whether the engine is in a swarm: `active`, `inactive`, ..."""
    return await run("docker", "info", "--format={{.Swarm.LocalNodeState}}")


@asynccontextmanager
async def swarm() -> AsyncIterator[None]:
    """The engine is a swarm's manager; one that was there before is left as it is."""
    if await swarm_state() == "active":
        yield
        return
    await run("docker", "swarm", "init", "--advertise-addr=127.0.0.1")
    try:
        yield
    finally:
        await run("docker", "swarm", "leave", "--force")


@asynccontextmanager
async def deployed(command: Command, folder: Path, port: int) -> AsyncIterator[str]:
    """The name of a stack that the page's command deploys, in a hurry and with a secret of its
    own, which the page's command makes.
    """
    name = f"test{uuid.uuid4().hex[:12]}"
    secret = f"{name}-secret"
    [path] = [word for word in command.line.split() if word.endswith(".yaml")]
    hurried = stack(Path(path).name)
    hurried["secrets"] = {SECRET_NAME: {"external": True, "name": secret}}
    runner = hurried["services"]["runner"]
    # The image's check, with more patience: it has to share two cores with four replicas under full
    # load, and would otherwise end one that is well.
    runner["healthcheck"] = {"timeout": "30s", "retries": 5}
    runner["deploy"]["update_config"].update(delay="1s", monitor="1s")
    file = folder / "stack.yaml"
    file.write_text(yaml.safe_dump(hurried))
    variables = {"PORT": str(port), "WARM_IMAGES": BUSYBOX, "LINGER_S": "4"}
    words = {f" {path} ": f" {file} ", " dojo": f" --resolve-image=never {name}"}
    try:
        await typed(replaced(SECRET.text, {SECRET_NAME: secret}))
        await typed(replaced(command.text, words), **variables)
        yield name
    finally:
        with suppress(CommandError):
            await run("docker", "stack", "rm", name)
        await eventually(lambda: tasks_of(name), lambda left: not left, within_s=UP_WITHIN_S)
        with suppress(CommandError):
            await run("docker", "secret", "rm", secret)


async def tasks_of(name: str) -> list[str]:
    """The stack's containers on this node."""
    label = f"--filter=label=com.docker.stack.namespace={name}"
    return (await run("docker", "ps", "--all", "--quiet", label)).split()


@asynccontextmanager
async def load(*words: str) -> AsyncIterator[dict[str, Any]]:
    """Clients that post runs during the block; what came of them is there after it."""
    said: dict[str, Any] = {}
    process = await asyncio.create_subprocess_exec(
        *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield said
        printed, _ = await process.communicate(b"")
        said.update(json.loads(printed))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.docker
@pytest.mark.usefixtures("image")
async def test_a_replica_on_every_node(tmp_path: Path) -> None:
    """The stack for many nodes brings one healthy replica to the only node that there is."""
    async with swarm(), deployed(ON_EACH, tmp_path, free_port()) as name:
        of_service = f"--filter=label=com.docker.swarm.service.name={name}_runner"

        async def healthy() -> list[str]:
            found = await run("docker", "ps", "--quiet", of_service, "--filter=health=healthy")
            return found.split()

        [_] = await eventually(healthy, within_s=UP_WITHIN_S)


# The update alone takes a minute, and half as long again under load on two cores.
@pytest.mark.long
@pytest.mark.timeout(400)
@pytest.mark.docker
@pytest.mark.usefixtures("image")
async def test_a_rolling_update_loses_no_run(tmp_path: Path, web: aiohttp.ClientSession) -> None:
    """All three replicas are replaced under load, and every request is answered.

    Requests go through the balancer's port, and by the service's name from the network.
    """
    port = free_port()
    other = f"dojo-runner/runner:{tmp_path.name}"
    names: set[str] = set()

    async def all_three() -> int:
        names.add(await replica_at(web, port))
        return len(names - {""})

    await run("docker", "tag", IMAGE, other)
    try:
        async with swarm(), deployed(ON_ONE, tmp_path, port) as stack_name:
            await eventually(all_three, lambda count: count == 3, within_s=UP_WITHIN_S)
            beside = (
                *("docker", "run", "--rm", "--interactive", f"--network={stack_name}_dojo"),
                *(f"--entrypoint={IN_IMAGE}", IMAGE, "-c", PROGRAM),
            )
            async with (
                load(sys.executable, str(CLIENTS), f"http://127.0.0.1:{port}") as through,
                load(*beside, "http://runner:4597") as by_name,
            ):
                await run(
                    *("docker", "service", "update", "--detach=false", "--quiet"),
                    *("--no-resolve-image", f"--image={other}", f"{stack_name}_runner"),
                )
            before = set(names)
            names.clear()
            await eventually(all_three, lambda count: count == 3)
    finally:
        await run("docker", "rmi", other)

    assert not before & names - {""}
    for said in (through, by_name):
        assert said["failures"] == []
        assert min(said["counts"].values()) >= 3
        assert len(said["counts"]) == 5
