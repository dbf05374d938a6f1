"""Builds what is deployed: the service, the launcher of cells, and haproxy to stand beside it.

Like build.py, whose base it takes: an image is left alone while neither its inputs nor its base
have changed.
"""

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import tomllib
from pathlib import Path

import aiodocker
import build
from build import BuildError, digest, ensure_base, inspect, label, make, plain, step, tag

ROOT = Path(__file__).resolve().parent.parent
# The files and folders that .dockerignore lets through.
SERVICE = (
    *("Dockerfile", "pyproject.toml", "hatch_build.py", "README.md", "LICENSE"),
    *("deploy/image", "images/launcher", "pool", "runner"),
)
BESIDE = ("socket-proxy", "balancer")


def main() -> int:
    """Build all; the exit status."""
    try:
        asyncio.run(build_all())
    except (BuildError, aiodocker.DockerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


async def build_all() -> None:
    """Build the service, the launcher, and the images that run beside the service."""
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    async with aiodocker.Docker(url=url) as docker:
        base = await ensure_base(docker)
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        arguments = {"BASE": tag("base"), "VERSION": version, "COMMIT_SHA": commit()}
        arguments["CREATED"] = created()
        await ensure(docker, "runner", folder=ROOT, inputs=SERVICE, arguments=arguments, base=base)
        await build.ensure(docker, "launcher", build.HERE / "launcher", base)
        for name in BESIDE:
            await ensure(
                docker,
                name,
                folder=ROOT / "deploy" / name,
                inputs=("Dockerfile", "haproxy.cfg"),
                arguments={"BASE": tag("base")},
                base=base,
            )


async def ensure(
    docker: aiodocker.Docker,
    name: str,
    *,
    folder: Path,
    inputs: tuple[str, ...],
    arguments: dict[str, str],
    base: str,
) -> None:
    """Build the image, unless the engine has one that was made of the same inputs."""
    context = pack(folder, inputs)
    wanted = digest(context, base.encode(), repr(sorted(arguments.items())).encode())
    found = await inspect(docker, name)
    if found is None or label(found) != wanted:
        with step(name):
            await make(docker, name, io.BytesIO(context), arguments, wanted)


def pack(folder: Path, inputs: tuple[str, ...]) -> bytes:
    """The build context; equal inputs give equal bytes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name in inputs:
            for path in sorted([folder / name, *(folder / name).rglob("*")]):
                if "__pycache__" not in path.parts:
                    where = str(path.relative_to(folder))
                    tar.add(path, where, recursive=False, filter=plain)
    return packed.getvalue()


def commit() -> str:
    """The commit that is checked out; empty if that is not known."""
    return os.environ.get("COMMIT_SHA") or git("rev-parse", "HEAD")


def created() -> str:
    """The time of the commit, so that equal sources give an equal image; empty if it
    is not known.
    """
    return git("log", "-1", "--format=%cI")


def git(*arguments: str) -> str:
    """The output of git about what is checked out; empty if git fails."""
    try:
        return subprocess.run(
            ["git", "-C", str(ROOT), *arguments],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


if __name__ == "__main__":
    sys.exit(main())
