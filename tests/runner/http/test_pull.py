"""Pulling from a real registry, the distribution's, on loopback."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from pool import DockerClient
from tests.daemon_process import Daemon, daemon, free_port
from tests.runner.katas import DOCKER_HOST, build, count_events
from tests.waiting import eventually

pytestmark = pytest.mark.docker

BASE = "dojo-runner/busybox-bash:latest"
ENSURE = Path(__file__).resolve().parents[3] / "scripts" / "docker-registry"


@dataclass
class Registry:
    """A registry on loopback, which engines trust without TLS."""

    address: str
    client: DockerClient

    async def push(self, what: str = "", *, tag: str = "1") -> str:
        """A new image which is in the registry and not on the node; its name."""
        name = await self.make(what, tag=tag)
        await self.client.docker.images.push(name)
        await self.client.docker.images.delete(name, force=True)
        return name

    async def make(self, what: str = "", *, tag: str = "1") -> str:
        """A new image which is on the node and not in the registry; its name."""
        name = f"{self.address}/{what or uuid.uuid4().hex}:{tag}"
        await build(self.client, name, f"FROM {BASE}\nRUN echo {name} >/name\n")
        return name

    async def pulls_of(self, name: str, since_s: float) -> int:
        """How often the engine says that it has pulled an image."""
        filters = {"type": ["image"], "event": ["pull"], "image": [name]}
        return await count_events(self.client, filters, since_s)


async def registry_program() -> str:
    """The path of the registry's program; fails with the one line that says what to do."""
    ensuring = await asyncio.create_subprocess_exec(
        ENSURE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    output, errors = await ensuring.communicate()
    if ensuring.returncode != 0:
        pytest.fail(errors.decode().strip(), pytrace=False)
    return output.decode().strip()


@pytest_asyncio.fixture(scope="module")
async def registry(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Registry]:
    """A registry with nothing in it; what was made of its name on the node goes afterwards."""
    folder = tmp_path_factory.mktemp("registry")
    address = f"127.0.0.1:{free_port()}"
    config = {
        "version": 0.1,
        "log": {"level": "warn"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}},
        "http": {"addr": address},
    }
    (folder / "config.yml").write_text(json.dumps(config))  # all JSON is YAML
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(await registry_program(), "serve", folder / "config.yml"), stdout=log, stderr=log
        )
    client = DockerClient(DOCKER_HOST, lambda error: None)
    try:
        async with aiohttp.ClientSession() as http:
            await eventually(lambda: answers(http, f"http://{address}/v2/"))
        yield Registry(address, client)
        references = {"reference": [f"{address}/*", f"{address}/*:*"]}
        for image in await client.docker.images.list(filters=references):
            await client.docker.images.delete(image["Id"], force=True)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        await client.close()


async def answers(http: aiohttp.ClientSession, url: str) -> bool:
    """Whether a registry answers there."""
    try:
        async with http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


@pytest_asyncio.fixture(scope="module")
async def running(
    tmp_path_factory: pytest.TempPathFactory, registry: Registry
) -> AsyncIterator[Daemon]:
    """A daemon for this file, gone before the registry's images are."""
    async with daemon(tmp_path_factory.mktemp("pull"), warm="1") as running:
        yield running


async def pull(running: Daemon, name: str) -> Any:
    """What the daemon answers to pull_image."""
    return (await running.ask("pull_image", {"id": "id", "image_name": name}))["pull_image"]


def failures(running: Daemon, name: str) -> list[dict[str, Any]]:
    """The failed pulls of this image in the log."""
    return running.log("engine call failed", operation="pull", image=name)


async def test_an_image_is_pulled(running: Daemon, registry: Registry) -> None:
    """An image is `pulling` until it is on the node, then `pulled`, and warm already."""
    name = await registry.push()

    assert await pull(running, name) == "pulling"
    await eventually(lambda: pull(running, name), lambda said: said == "pulled")

    await eventually(running.health, lambda health: health["images"].get(name, {}).get("warm") == 1)
    result = await running.run(name, "cat /name")
    assert (result["outcome"], result["stdout"]["content"]) == ("green", f"{name}\n")
    assert failures(running, name) == []


async def test_one_pull_for_many_calls(running: Daemon, registry: Registry) -> None:
    """`creator` asks sixteen times at once, and the engine is asked once."""
    name = await registry.push()
    since_s = time.time()

    said = await asyncio.gather(*(pull(running, name) for _ in range(16)))

    assert set(said) == {"pulling"}
    await eventually(lambda: pull(running, name), lambda said: said == "pulled")
    assert await registry.pulls_of(name, since_s) == 1


async def test_an_image_on_the_node_is_not_pulled(running: Daemon, registry: Registry) -> None:
    """An image that is there already is `pulled`, whether or not any registry has it."""
    name = await registry.make()
    since_s = time.time()

    assert await pull(running, name) == "pulled"
    assert await registry.pulls_of(name, since_s) == 0
    assert failures(running, name) == []


async def test_no_tag_means_latest(running: Daemon, registry: Registry) -> None:
    """A name without a tag is pulled as `:latest`, and no other tag with it."""
    what = uuid.uuid4().hex
    latest = await registry.push(what, tag="latest")
    other = await registry.push(what, tag="other")

    await eventually(
        lambda: pull(running, f"{registry.address}/{what}"), lambda said: said == "pulled"
    )

    assert await pull(running, latest) == "pulled"
    assert await pull(running, other) == "pulling"


async def test_a_digest_is_kept(running: Daemon, registry: Registry) -> None:
    """An image named by its digest is pulled and run by it."""
    name = await registry.make()
    await registry.client.docker.images.push(name)
    [digest] = (await registry.client.docker.images.inspect(name))["RepoDigests"]
    await registry.client.docker.images.delete(name, force=True)

    assert await pull(running, digest) == "pulling"
    await eventually(lambda: pull(running, digest), lambda said: said == "pulled")

    result = await running.run(digest, "echo $CYBER_DOJO_IMAGE_NAME")
    assert (result["outcome"], result["stdout"]["content"]) == ("green", f"{digest}\n")
    await registry.client.docker.images.delete(digest, force=True)


async def test_a_failed_pull_is_logged_once_and_tried_again(
    running: Daemon, registry: Registry
) -> None:
    """A failed pull is one line with the engine's words; the next call tries anew, and
    may succeed.
    """
    what = uuid.uuid4().hex
    name = f"{registry.address}/{what}:1"

    assert await pull(running, name) == "pulling"
    [failure] = await running.logged("engine call failed", operation="pull", image=name)
    assert "manifest" in failure["engine_message"] or "not found" in failure["engine_message"]
    assert failure["status"] in (404, 500)
    assert failure["level"] == "ERROR"

    assert await pull(running, name) == "pulling"
    assert len(await running.logged("engine call failed", 2, operation="pull", image=name)) == 2

    await registry.push(what)
    await eventually(lambda: pull(running, name), lambda said: said == "pulled")


async def test_a_run_of_an_absent_image_begins_its_pull(
    running: Daemon, registry: Registry
) -> None:
    """A run of an absent image says pulling, 141 and nothing else; soon the same run
    has a colour.
    """
    name = await registry.push()

    result = await running.run(name, "exit 1")

    nothing = {"content": "", "truncated": False}
    assert result == {
        "stdout": nothing,
        "stderr": nothing,
        "status": "141",
        "outcome": "pulling",
        "log": {},
        "created": {},
        "changed": {},
    }
    coloured = await eventually(
        lambda: running.run(name, "exit 1"), lambda result: result["outcome"] != "pulling"
    )
    assert (coloured["outcome"], coloured["status"]) == ("red", "1")


async def test_a_newer_image_of_the_same_name(running: Daemon, registry: Registry) -> None:
    """The next runs use the newer image that somebody else pulls onto the node, and none of those
    that are sent around that moment is refused.
    """
    what = uuid.uuid4().hex
    name = await registry.push(what)
    await eventually(lambda: pull(running, name), lambda said: said == "pulled")

    async def is_newer() -> str:
        return str((await running.run(name, "ls /newer || exit 1"))["outcome"])

    old = await is_newer()
    newer = f"FROM {BASE}\nRUN echo >/newer\n"
    await build(registry.client, f"{name}-next", newer)
    around = [asyncio.create_task(is_newer()) for _ in range(3)]
    await registry.client.docker.images.tag(f"{name}-next", name.rpartition(":")[0], tag="1")
    around += [asyncio.create_task(is_newer()) for _ in range(3)]

    new = await eventually(is_newer, lambda outcome: outcome == "green")

    assert (old, new) == ("red", "green")
    assert set(await asyncio.gather(*around)) <= {"red", "green"}
