"""The limit: the same tgz, main.sh and user in a plain chroot of the image, no engine at all.

No service that runs a kata in a file system of its own can be faster. main.sh ends by killing every
process of its user, so each lane of runs has a pid namespace, made once and not for each run.
"""

import asyncio
import contextlib
import shutil
import sys
import tarfile
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO

import aiodocker

from bench.docker_run import DOCKER_HOST
from bench.lane import LENGTH, block
from runner.container.hand_over import GID, UID, hand_over, pack
from runner.kata import Kata
from scripts.daemon import ROOT

NONCE = "bench"
_IN_OWN_NAME_SPACES = ("unshare", "--pid", "--mount", "--fork", "--kill-child")


class Chroot:
    """Runs kata of one image, as many at a time as are asked for."""

    def __init__(self, root: Path, stack: contextlib.AsyncExitStack) -> None:
        self._root = root
        self._stack = stack
        self._idle: list[Process] = []

    async def prepare(self, at_once: int) -> None:
        """Start so many lanes, before anything is measured."""
        for _ in range(at_once - len(self._idle)):
            self._idle.append(await self._new_lane())

    async def run(self, request: bytes) -> bytes:
        """The answer of main.sh; see `request_of`."""
        lane = self._idle.pop() if self._idle else await self._new_lane()
        assert lane.stdin is not None
        lane.stdin.write(request)
        answer = await _read_block(lane)
        self._idle.append(lane)
        return answer

    async def _new_lane(self) -> Process:
        lane = await asyncio.create_subprocess_exec(
            *_IN_OWN_NAME_SPACES, sys.executable, "-m", "bench.lane",
            str(self._root), str(UID), str(GID),
            stdin=PIPE, stdout=PIPE, cwd=ROOT,
        )  # fmt: skip
        self._stack.push_async_callback(_end, lane)
        await _read_block(lane)
        return lane


def request_of(kata: Kata) -> bytes:
    """For a lane: main.sh's arguments as the hand-over says them, and the tgz."""
    nonce, limit_s, whole, *_ = hand_over(kata, NONCE).split(b"\0", 3)
    arguments = (nonce, limit_s, whole)
    return LENGTH.pack(len(arguments)) + b"".join(map(block, (*arguments, pack(kata))))


@contextlib.asynccontextmanager
async def chroot_of(image: str) -> AsyncIterator[Chroot]:
    """The image's file system in a temporary folder."""
    root = Path(tempfile.mkdtemp(prefix="dojo-bench-"))
    try:
        await _export(image, root)
        async with contextlib.AsyncExitStack() as stack:
            yield Chroot(root, stack)
    finally:
        await asyncio.to_thread(shutil.rmtree, root)


async def _end(lane: Process) -> None:
    assert lane.stdin is not None
    lane.stdin.close()
    await lane.wait()


async def _read_block(lane: Process) -> bytes:
    assert lane.stdout is not None
    length = LENGTH.unpack(await lane.stdout.readexactly(LENGTH.size))[0]
    return await lane.stdout.readexactly(length)


async def _export(image: str, root: Path) -> None:
    """The file system of a container of that image."""
    with tempfile.TemporaryFile() as file:
        async with aiodocker.Docker(url=DOCKER_HOST) as docker:
            container = await docker.containers.create({"Image": image, "Cmd": ["-"]})
            try:
                async with docker._query(f"containers/{container.id}/export") as response:
                    async for chunk in response.content.iter_chunked(1024 * 1024):
                        file.write(chunk)
            finally:
                await container.delete(force=True)
        file.seek(0)
        await asyncio.to_thread(_unpack, file, root)


def _unpack(packed: IO[bytes], root: Path) -> None:
    with tarfile.open(fileobj=packed) as tar:
        tar.extractall(root, filter="fully_trusted")  # noqa: S202 - an image of the project's own
    root.chmod(0o755)  # by default only its maker can enter a temporary folder
