"""A Docker engine of the tests' own, on its own socket and folders, which they may break."""

import asyncio
import io
import os
import signal
import tarfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

from pool import DockerClient, DockerContainers, EngineError
from tests.daemon_process import DOCKER_HOST
from tests.waiting import eventually

# Each engine has a bridge of its own: a second dockerd without one takes away the bridge of the
# first. Several test processes may have such an engine at the same time, so each takes the first
# name that is free, with its network.
_BRIDGES = {f"dojo-faults{number}": f"172.30.{77 + number}.1/24" for number in range(8)}
_ENVIRONMENT = {**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}
_SERVICE = "dojo-runner.service=dojo-runner"


class OwnEngine:
    """A dockerd that keeps containers while it is restarted (live-restore).

    `keeps_containers` set to False ends that, from its next start on.
    """

    def __init__(self, folder: Path, bridge: str) -> None:
        self.keeps_containers = True
        self.socket = folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._folder = folder
        self._bridge = bridge
        self._process: asyncio.subprocess.Process | None = None
        self._client = DockerClient(self.host, lambda error: None)
        self._containers = DockerContainers(self._client)

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self._folder
        (folder / "daemon.json").write_text("{}")
        with (folder / "log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                "dockerd",
                f"--config-file={folder}/daemon.json",
                f"--host={self.host}",
                f"--data-root={folder}/data",
                f"--exec-root={folder}/exec",
                f"--pidfile={folder}/pid",
                f"--bridge={self._bridge}",
                "--iptables=false",
                "--ip-masq=false",
                "--ip-forward=false",
                *(["--live-restore"] if self.keeps_containers else []),
                stdout=log,
                stderr=log,
                env=_ENVIRONMENT,
            )
        await eventually(self.answers)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it; its containers live on, if it keeps them."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            self._process.send_signal(number)
        await self._process.wait()

    async def restart(self) -> None:
        """Stop it and start it, under its containers."""
        await self.stop()
        await self.start()

    def freeze(self) -> None:
        """From now on the engine does nothing, and all connections to it stay."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the engine go on."""
        self._signal(signal.SIGCONT)

    async def fill_disk(self) -> None:
        """Leave no room for another byte of an image or a container."""
        usage = os.statvfs(self._folder)
        used = (usage.f_blocks - usage.f_bfree) * usage.f_frsize
        await self._resize(str(used))

    async def make_room(self) -> None:
        """Make room again."""
        await self._resize("50%")

    async def add_image(self, name: str, files: Mapping[str, bytes]) -> None:
        """Add an image of these files only."""
        words = ("docker", "--host", self.host, "import", "-", name)
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
        )
        await process.communicate(_tar_of(files))
        assert process.returncode == 0

    async def answers(self) -> bool:
        """Whether the engine lists its containers."""
        try:
            await self._containers.list_containers("none")
        except EngineError:
            return False
        return True

    async def running(self) -> set[str]:
        """The ids of the daemons' containers that run on it."""
        found = await self._containers.list_containers(_SERVICE)
        return {one.container_id for one in found if one.state == "running"}

    async def take_over(self, image: str) -> None:
        """Copy an image from the engine of all other tests."""
        copy = 'docker --host "$1" save "$3" | docker --host "$2" load'
        words = ("sh", "-c", copy, "sh", DOCKER_HOST, self.host, image)
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0

    async def remove_image(self, image: str) -> None:
        """Take an image off this engine, whatever is made of it."""
        words = ("docker", "--host", self.host, "rmi", "--force", image)
        process = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.DEVNULL)
        assert await process.wait() == 0

    async def close(self) -> None:
        """Remove what daemons left on it, and end it."""
        self.thaw()
        for container_id in await self.running():
            await self._containers.remove(container_id)
        await self._containers.close()
        await self._client.close()
        await self.stop()

    async def _resize(self, size: str) -> None:
        await _call("mount", "-o", f"remount,size={size}", str(self._folder))

    def _signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)


@asynccontextmanager
async def own_engine() -> AsyncIterator[OwnEngine]:
    """An engine that runs for as long as the block does, and leaves nothing on this machine."""
    folder = Path(mkdtemp(prefix="faults-"))  # short, as the path of a socket must be
    # In memory: ten thousand files of an image are there, and gone, in a moment.
    await _call("mount", "-t", "tmpfs", "faults", str(folder))
    try:
        async with _bridge() as bridge:
            engine = OwnEngine(folder, bridge)
            await engine.start()
            try:
                yield engine
            finally:
                await engine.close()
    finally:
        # With what dockerd has mounted below it, and leaves for its next start.
        await _call("umount", "--recursive", "--lazy", str(folder))
        await _call("rmdir", str(folder))


@asynccontextmanager
async def _bridge() -> AsyncIterator[str]:
    bridge = await _free_bridge()
    try:
        await _call("ip", "addr", "add", _BRIDGES[bridge], "dev", bridge)
        await _call("ip", "link", "set", bridge, "up")
        yield bridge
    finally:
        await _call("ip", "link", "del", bridge)


async def _free_bridge() -> str:
    for bridge in _BRIDGES:
        with suppress(AssertionError):  # another process has this one
            await _call("ip", "link", "add", bridge, "type", "bridge")
            return bridge
    raise AssertionError(f"none of {', '.join(_BRIDGES)} is free; `ip link del` removes old ones")


def _tar_of(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


async def _call(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words, env=_ENVIRONMENT)
    assert await process.wait() == 0
