"""compose.yaml, brought up on the engine: three replicas, with the socket and behind its proxy."""

import asyncio
import json
import re
import textwrap
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import yaml

from pool import DockerContainers
from pool.orphans import REPLICA_LABEL
from tests.daemon_process import free_port
from tests.deploy.commands import (
    BUSYBOX,
    ROOT,
    CommandError,
    docker_config,
    outcome_at,
    replica_at,
    run,
    typed,
)
from tests.documentation.claims import claimed_by
from tests.documentation.pages import Command, in_sentences
from tests.waiting import eventually

# The first of them waits for the image to be built.
pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(400)]

REPLICAS = ("runner-1", "runner-2", "runner-3")
# In the order of the page.
SOCKET, PROXY = claimed_by(__file__)
UP_WITHIN_S = 60.0  # three at a time, on a machine that has other work
# Of what the daemon asks; each answer is the engine's own.
ALLOWED = {
    "GET /version": 200,
    "GET /containers/no-such/json": 404,
    "GET /containers/no-such/stats?stream=false": 404,
    "GET /images/no-such/json": 404,
}
FORBIDDEN = (
    "POST /containers/x/stats",
    "GET /containers/x/stats/..",
    "GET /swarm",
    "GET /info",
    "GET /containers/x/logs",
    "GET /images/json",
    "GET /images/../swarm/json",
    "GET /images/%2e%2e/swarm/json",
    "POST /swarm/init",
    "POST /networks/create",
    "POST /v1.41/volumes/create",
    "POST /build",
    "POST /commit",
    "POST /containers/x/update",
    "POST /images/create?fromSrc=-",
    "PUT /containers/x/archive",
    "DELETE /images/x",
)
# In a replica: nothing else is on the network of the proxy.
ASK = """
import http.client, json, sys
said = {}
for line in json.load(sys.stdin):
    verb, path = line.split()
    proxy = http.client.HTTPConnection("socket-proxy", 2375, timeout=10)
    proxy.request(verb, path)
    said[line] = proxy.getresponse().status
    proxy.close()
print(json.dumps(said))
"""


@dataclass(frozen=True)
class Project:
    """Three replicas, and what compose says of them."""

    ports: dict[str, int]
    variables: dict[str, str]
    options: list[str]

    async def compose(self, *words: str) -> str:
        """docker-compose, for this project."""
        return await run("docker-compose", *self.options, *words, **self.variables)

    async def container(self, service: str) -> str:
        """The id of a service's container."""
        return await self.compose("ps", "--quiet", service)


@asynccontextmanager
async def up(
    command: Command, folder: Path, *services: str, **variables: str
) -> AsyncIterator[Project]:
    """Starts a compose project of the test's own with a page's command, and takes it down with
    all that it made.

    Its services are all, or those that are named.
    """
    ports = {name: free_port() for name in REPLICAS}
    variables = {
        **{f"PORT_{name[-1]}": str(port) for name, port in ports.items()},
        "WARM_IMAGES": BUSYBOX,
        "HOST_CONTAINERS": "3",
        "LINGER_S": "0",
        "CYBER_DOJO_RUNNER_SECRET": uuid.uuid4().hex,
        "COMPOSE_PROJECT_NAME": f"test{uuid.uuid4().hex[:12]}",
        "DOCKER_CONFIG": docker_config(folder),
        **variables,
    }
    options, _, _ = command.line.removeprefix("docker compose ").partition("up ")
    project = Project(ports, variables, options.split())
    try:
        await typed(" ".join((command.text, *services)), **variables)
        yield project
    finally:
        with suppress(CommandError):
            await project.compose("down", "--volumes", "--remove-orphans", "--timeout=40")


async def replicas_of(web: aiohttp.ClientSession, project: Project) -> list[str]:
    """The names of all replicas that are ready."""
    return await asyncio.gather(*(replica_at(web, port) for port in project.ports.values()))


@pytest.mark.usefixtures("image")
async def test_three_replicas(
    web: aiohttp.ClientSession, docker_containers: DockerContainers, tmp_path: Path
) -> None:
    """Each replica of compose.yaml has a name of its own and is locked down.

    The containers of one that is killed do not stay for long.
    """
    async with up(SOCKET, tmp_path) as project:
        names = await eventually(lambda: replicas_of(web, project), all, within_s=UP_WITHIN_S)
        colours = [await outcome_at(web, port, "exit 1") for port in project.ports.values()]
        host = json.loads(
            await run(
                *("docker", "inspect", "--format={{json .HostConfig}}"),
                await project.container("runner-1"),
            )
        )

        async def of(name: str) -> set[str]:
            found = await docker_containers.list_containers(f"{REPLICA_LABEL}={name}")
            return {seen.container_id for seen in found}

        killed = names[0]
        orphans = await eventually(lambda: of(killed))
        await project.compose("kill", "-s", "KILL", "runner-1")
        await project.compose("restart", "--timeout=40", "runner-2")  # its start is a sweep
        await eventually(lambda: of(killed), lambda left: not left)
        await eventually(lambda: replica_at(web, project.ports["runner-2"]))
        still = [
            await outcome_at(web, project.ports[name], "exit 0")
            for name in ("runner-2", "runner-3")
        ]

    assert len(set(names)) == len(REPLICAS)
    assert colours == ["red"] * 3
    assert orphans
    assert still == ["green"] * 2
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert [await of(name) for name in names] == [set()] * 3


@pytest.mark.usefixtures("image")
async def test_behind_the_socket_proxy(web: aiohttp.ClientSession, tmp_path: Path) -> None:
    """Runs work over hijacked connections, and what the daemon does not need of the API
    is a 403.
    """
    async with up(PROXY, tmp_path) as project:
        await eventually(lambda: replicas_of(web, project), all, within_s=UP_WITHIN_S)
        colours = [await outcome_at(web, port, "exit 1") for port in project.ports.values()]
        replica = await project.container("runner-1")
        said = json.loads(
            await run(
                *("docker", "exec", "--interactive", replica, "python3", "-c", ASK),
                stdin=json.dumps([*ALLOWED, *FORBIDDEN]),
            )
        )

    assert colours == ["red"] * 3
    assert said == ALLOWED | dict.fromkeys(FORBIDDEN, 403)


@pytest.mark.usefixtures("image")
async def test_in_the_place_of_the_ruby_runner(web: aiohttp.ClientSession, tmp_path: Path) -> None:
    """In cyber-dojo's compose file, as root and without the socket's group, the service runs kata
    as an ordinary user; it is started as docs/migrating.md says.
    """
    page = ROOT / "docs" / "migrating.md"
    [fenced] = re.findall(r"```yaml\n(.*?)```", page.read_text(), re.DOTALL)
    services = yaml.safe_load(textwrap.dedent(fenced))
    port = free_port()
    services["runner"]["ports"] = [f"127.0.0.1:{port}:4597"]
    (tmp_path / "compose.yaml").write_text(yaml.safe_dump({"services": services}))
    [start] = [code for code in in_sentences("docs/migrating.md") if code.startswith("docker com")]
    variables = {"COMPOSE_PROJECT_NAME": f"test{uuid.uuid4().hex[:12]}"}
    compose = ("docker-compose", f"--file={tmp_path}/compose.yaml")
    try:
        await typed(start, tmp_path, DOCKER_CONFIG=docker_config(tmp_path), **variables)
        await eventually(lambda: replica_at(web, port))
        colour = await outcome_at(web, port, "exit 0")
        users = await run("docker", "top", await run(*compose, "ps", "--quiet", **variables),
                          "-o", "pid,uid,args")  # fmt: skip
    finally:
        with suppress(CommandError):
            await run(*compose, "down", "--volumes", "--timeout=40", **variables)

    daemons = [line for line in users.splitlines() if "serve" in line and "init" not in line]
    assert colour == "green"
    assert [line.split()[1] for line in daemons] == ["10001"]


async def test_the_group_must_be_given() -> None:
    """Without the socket's group one line says what is missing, and nothing is started."""
    with pytest.raises(CommandError, match="the number of the group that owns the socket"):
        await run("docker-compose", "config", "--quiet", DOCKER_GID="")
