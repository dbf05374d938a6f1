"""The limit: the same files and script in a plain chroot of the image, no engine at all.

Nobody who runs a kata in a separate file system can be faster.
"""

import asyncio
import contextlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import aiodocker

from pool import DEFAULT_DOCKER_HOST
from runner.hand_over import GID, UID, pack
from runner.kata import Kata

# What the container's script does at the least: unpack, run, hand everything back.
_SCRIPT = """
cd / && tar -xzf - && cd /sandbox
bash ./cyber-dojo.sh </dev/null >/tmp/dojo/stdout 2>/tmp/dojo/stderr
printf '%s' "$?" >/tmp/dojo/status
cd / && tar -cf - tmp/dojo sandbox
"""


@contextlib.asynccontextmanager
async def root_of(image: str) -> AsyncIterator[Path]:
    """The image's file system in a temporary folder, with a tmpfs where a container has one."""
    root = Path(tempfile.mkdtemp(prefix="dojo-bench-"))
    mounted: list[Path] = []
    try:
        await asyncio.to_thread(_unpack, await _exported(image), root)
        for name in ("sandbox", "tmp", "home/sandbox"):
            _mount_tmpfs(root / name)
            mounted.append(root / name)
        _mount("--bind", "/dev", root / "dev")
        mounted.append(root / "dev")
        yield root
    finally:
        for path in mounted:
            _unmount(path)
        shutil.rmtree(root)


def run_in(root: Path, kata: Kata) -> bytes:
    """One run; the tar that comes back. Raises subprocess.CalledProcessError."""
    command = ["chroot", f"--userspec={UID}:{GID}", str(root), "bash", "-c", _SCRIPT]
    done = subprocess.run(command, input=pack(kata), check=True, stdout=subprocess.PIPE)
    return done.stdout


def clear(root: Path) -> None:
    """Undo a run."""
    for folder in (root / "sandbox", root / "tmp"):
        for path in folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _mount_tmpfs(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    options = f"mode=1777,uid={UID},gid={GID}"
    _mount("-t", "tmpfs", "-o", options, "tmpfs", path)


def _mount(*arguments: str | Path) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _unmount(path: Path) -> None:
    subprocess.run(["umount", path], check=True)


async def _exported(image: str) -> Path:
    """The file system of a container of that image, as a tar file."""
    docker = aiodocker.Docker(url=DEFAULT_DOCKER_HOST)
    container = await docker.containers.create({"Image": image, "Cmd": ["-"]})
    try:
        with tempfile.NamedTemporaryFile(suffix=".tar", delete=False) as file:
            async with docker._query(f"containers/{container.id}/export") as response:
                async for chunk in response.content.iter_chunked(1024 * 1024):
                    file.write(chunk)
        return Path(file.name)
    finally:
        await container.delete(force=True)
        await docker.close()


def _unpack(packed: Path, root: Path) -> None:
    with tarfile.open(packed) as tar:
        tar.extractall(root, filter="fully_trusted")  # noqa: S202 - an image of the project's own
    packed.unlink()
    root.chmod(0o755)  # a temporary folder is its maker's alone
