"""Docker's registry on this machine, which asks for a login, and an image in it."""

import asyncio
import io
import socket
import tarfile
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiodocker
import aiohttp

from pool import DockerClient
from tests.waiting import eventually

ROOT = Path(__file__).parents[2]
USER, PASSWORD = "learner", "open sesame"
# Of that password, as `htpasswd -nbB` writes it.
_HTPASSWD = f"{USER}:$2b$05$64k/6.q4Oh.jSTNwWH3ZbupOPKu8cmrNQ2oZGJoSbnqQJGjF/Lk1a\n"
_CONFIG = """
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: "{host}", secret: none}}
auth: {{{auth}}}
"""


@dataclass(frozen=True)
class Registry:
    """`image` is one that it has, and that the engine has not."""

    host: str
    image: str


async def _program() -> str:
    process = await asyncio.create_subprocess_exec(
        str(ROOT / "scripts/docker-registry"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return said.decode().strip()


def _free_host() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{one.getsockname()[1]}"


@asynccontextmanager
async def private_registry(
    client: DockerClient, folder: Path, auth: str = ""
) -> AsyncIterator[Registry]:
    """A registry that runs for as long as the block does; its image is on no engine afterwards.

    It knows the user by itself, unless `auth`, in the words of its configuration, tells it whom to
    ask.
    """
    host = _free_host()
    (folder / "htpasswd").write_text(_HTPASSWD)
    auth = auth or f"htpasswd: {{realm: test, path: {folder}/htpasswd}}"
    (folder / "config.yml").write_text(_CONFIG.format(folder=folder, host=host, auth=auth))
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(await _program(), "serve", str(folder / "config.yml")), stdout=log, stderr=log
        )
    image = f"{host}/private/{uuid.uuid4().hex}:1"
    try:
        await eventually(lambda: _asks_for_a_login(host))
        await _fill(client, image)
        yield Registry(host, image)
    finally:
        process.terminate()
        await process.wait()
        with suppress(aiodocker.DockerError):
            await client.docker.images.delete(image)


async def _asks_for_a_login(host: str) -> bool:
    with suppress(aiohttp.ClientError):
        async with aiohttp.ClientSession() as session, session.get(f"http://{host}/v2/") as answer:
            return answer.status == 401
    return False


async def _fill(client: DockerClient, image: str) -> None:
    """Push an image of one file."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = len(image)
        tar.addfile(entry, io.BytesIO(image.encode()))
    name, _, tag = image.rpartition(":")
    response = await client.docker._do_query(
        "images/create",
        "POST",
        params={"fromSrc": "-", "repo": name, "tag": tag},
        data=packed.getvalue(),
        headers={"Content-Type": "application/x-tar"},
    )
    await response.read()
    response.close()
    login = {"username": USER, "password": PASSWORD}
    async for said in client.docker.images.push(name, auth=login, tag=tag, stream=True):
        assert "error" not in said, said
    await client.docker.images.delete(image)
