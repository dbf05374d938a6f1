"""Builds images of the project, with the base that they stand on.

Every folder beside this file, or in languages/, that has a Dockerfile is one image, named
dojo-runner/<folder>:latest. Its build context is the folder, without its start point, and the
folder shared/ beside it.
An image is left alone while the label that it got from its last build tells that neither its
inputs nor its base have changed.

What is asked for is a name, `all` (the images beside this file: those that the project's own
commands and tests need) or `languages` (every image that has a start point, wherever it is).
"""

import argparse
import asyncio
import collections
import contextlib
import hashlib
import io
import os
import platform
import shutil
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import aiodocker

HERE = Path(__file__).resolve().parent
LABEL = "dojo-runner.inputs"
PULLED_BASE = "debian:bookworm-slim"
# For the first answer and between two: a registry that cannot be reached costs no more.
PULL_SECONDS = 20
# What a build waits for is the network and the disk as much as a processor.
BUILDS_AT_ONCE = (os.cpu_count() or 1) + 1
# A folder of an image that is a language: its start point, in three colours.
START_POINT = "start_point"
# No program reads these files in a container, and they are two fifths of the base.
LEFT_OUT = ("doc", "info", "locale", "man")


class BuildError(Exception):
    """An image could not be made; the text is for the terminal."""


def main() -> int:
    """Build what the command line names; the exit status."""
    found = folders()
    groups = {
        "all": [name for name, folder in found.items() if folder.parent == HERE],
        "languages": [name for name, folder in found.items() if (folder / START_POINT).is_dir()],
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--list", action="store_true", help="print the images and end")
    parser.add_argument("--due", action="store_true", help="print those to be built, and end")
    parser.add_argument("image", nargs="*", help="which to build (default: all)")
    arguments = parser.parse_args()
    asked = arguments.image or ["all"]
    if unknown := set(asked) - {*found, *groups}:
        there_are = ", ".join((*groups, *found))
        parser.error(f"no such image: {', '.join(sorted(unknown))} (there are: {there_are})")
    names = sorted({name for one in asked for name in groups.get(one, [one])})
    if arguments.list:
        print(*names, sep="\n")
        return 0
    chosen = {name: found[name] for name in names}
    try:
        if arguments.due:
            print("".join(f"{name}\n" for name in asyncio.run(due(chosen))), end="")
            return 0
        asyncio.run(build(chosen))
    except (BuildError, aiodocker.DockerError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def folders() -> dict[str, Path]:
    """Every image's folder, by the image's name."""
    dockerfiles = (*HERE.glob("*/Dockerfile"), *HERE.glob("languages/*/Dockerfile"))
    return {path.parent.name: path.parent for path in sorted(dockerfiles)}


async def due(images: Mapping[str, Path]) -> list[str]:
    """The images among these that are missing or whose inputs have changed, which
    `build` would build.
    """
    async with engine() as docker:
        base = await inspect(docker, "base")
        if base is None:
            return list(images)
        others = {name: folder for name, folder in images.items() if name != "base"}
        return [
            name
            for name, folder in others.items()
            if not await is_built(docker, name, digest(pack(folder), str(base["Id"]).encode()))
        ]


async def build(images: Mapping[str, Path]) -> None:
    """Build those of these images whose inputs have changed, on the engine of DOCKER_HOST.

    Some are built at the same time. One that fails stops no other. Raises BuildError of all.
    """
    some = asyncio.Semaphore(BUILDS_AT_ONCE)
    async with engine() as docker:
        base = await ensure_base(docker)

        async def one(name: str, folder: Path) -> None:
            async with some:
                await ensure(docker, name, folder, base)

        ended = await asyncio.gather(
            *(one(name, folder) for name, folder in images.items() if name != "base"),
            return_exceptions=True,
        )
    failed = [error for error in ended if isinstance(error, BuildError)]
    if others := [error for error in ended if isinstance(error, BaseException)]:
        raise BuildError("\n".join(map(str, failed))) if failed else others[0]


def engine() -> aiodocker.Docker:
    """A client of the engine of DOCKER_HOST.

    Always with an address: on its own aiodocker prefers the docker CLI's current context.
    """
    return aiodocker.Docker(url=os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock"))


async def ensure_base(docker: aiodocker.Docker) -> str:
    """Returns the base's id.

    A base that was pulled is kept, and one that we made is kept up to date.
    """
    command = mmdebstrap()
    dockerfile = HERE / "base" / "Dockerfile"
    inputs = digest(dockerfile.read_bytes(), " ".join(command).encode())
    found = await inspect(docker, "base")
    if found is None and await pull_base(docker):
        found = await inspect(docker, "base")
    if found is not None and label(found) in (None, inputs):
        return str(found["Id"])
    await ensure_installed(command[0])
    with step("base"), tempfile.TemporaryFile() as context:
        with tempfile.NamedTemporaryFile(suffix=".tar") as rootfs:
            await bootstrap([*command, rootfs.name])
            with tarfile.open(fileobj=context, mode="w") as tar:
                tar.add(dockerfile, "Dockerfile")
                tar.add(rootfs.name, "rootfs.tar")
        return await make(docker, "base", context, {}, inputs)


async def ensure(docker: aiodocker.Docker, name: str, folder: Path, base: str) -> None:
    """Build the image, unless the engine has one that was made of the same inputs."""
    context = pack(folder)
    inputs = digest(context, base.encode())
    if not await is_built(docker, name, inputs):
        with step(name):
            await make(docker, name, io.BytesIO(context), {"BASE": tag("base")}, inputs)


async def make(
    docker: aiodocker.Docker,
    name: str,
    context: IO[bytes],
    buildargs: dict[str, str],
    inputs: str,
) -> str:
    """Have the engine build an image; returns the image's id."""
    context.seek(0)
    output: collections.deque[str] = collections.deque(maxlen=30)
    try:
        async for event in docker.images.build(
            fileobj=context,
            encoding="identity",
            tag=tag(name),
            buildargs=buildargs,
            labels={LABEL: inputs},
            forcerm=True,
            stream=True,
        ):
            output.append(event.get("stream", ""))
    except aiodocker.DockerError as error:
        raise BuildError(f"{tag(name)}: {error.message}\n{''.join(output)}") from error
    found = await inspect(docker, name)
    # A connection that breaks off looks like the end of the output.
    if found is None or label(found) != inputs:
        raise BuildError(f"{tag(name)}: the engine broke off\n{''.join(output)}")
    return str(found["Id"])


async def is_built(docker: aiodocker.Docker, name: str, inputs: str) -> bool:
    """Whether the engine has the image, made of these inputs."""
    found = await inspect(docker, name)
    return found is not None and label(found) == inputs


async def pull_base(docker: aiodocker.Docker) -> bool:
    """Pull the base and give it our name, if a registry can be reached."""
    try:
        async with asyncio.timeout(PULL_SECONDS) as limit:
            async for _ in docker.images.pull(PULLED_BASE, stream=True):
                limit.reschedule(asyncio.get_running_loop().time() + PULL_SECONDS)
        await docker.images.tag(PULLED_BASE, tag("base").removesuffix(":latest"), tag="latest")
    except (aiodocker.DockerError, TimeoutError):
        print(f"{PULLED_BASE} cannot be pulled here: making the base from packages", flush=True)
        return False
    print(f"pulled {PULLED_BASE}", flush=True)
    return True


def mmdebstrap() -> list[str]:
    """The command that makes a base of the distribution's packages, without its output file."""
    suite = ["bookworm"]
    system = platform.freedesktop_os_release()
    if system.get("ID") == "ubuntu":
        # A Debian's keys are not there; universe has pytest and the static bash.
        suite = ["--components=main,universe", system["VERSION_CODENAME"]]
    excludes = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in LEFT_OUT]
    return ["mmdebstrap", "--quiet", "--variant=minbase", *excludes, *suite]


async def ensure_installed(program: str) -> None:
    """Install the program if it is missing. Raises BuildError."""
    if shutil.which(program) is None:
        installing = await asyncio.create_subprocess_exec(
            HERE.parent / "scripts" / "apt-install", program
        )
        if await installing.wait() != 0:
            raise BuildError(f"no base can be made without {program}")


async def bootstrap(command: list[str]) -> None:
    """Run the command quietly; raises BuildError with the end of its output when it fails."""
    running = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await running.communicate()
    if running.returncode != 0:
        tail = "\n".join(output.decode(errors="replace").splitlines()[-30:])
        raise BuildError(f"{' '.join(command)} failed:\n{tail}")


async def inspect(docker: aiodocker.Docker, name: str) -> dict[str, Any] | None:
    """The engine's description of the image; None when the image is not there."""
    try:
        return await docker.images.inspect(tag(name))
    except aiodocker.DockerError as error:
        if error.status == 404:
            return None
        raise


def label(image: dict[str, Any]) -> str | None:
    """The digest of the inputs that the image was made of, if it is one of ours."""
    labels: dict[str, str] = image["Config"]["Labels"] or {}
    return labels.get(LABEL)


def pack(folder: Path) -> bytes:
    """The build context; equal inputs give equal bytes, whoever checked them out and when."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", dereference=True) as tar:
        for place in (folder, folder.parent / "shared"):
            prefix = "" if place == folder else "shared/"
            for path in sorted(place.rglob("*")):
                below = path.relative_to(place)
                if below.parts[0] != START_POINT:
                    tar.add(path, prefix + str(below), recursive=False, filter=plain)
    return packed.getvalue()


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """The entry without what git does not keep: owner, time, and all of the mode but
    the executable bit.
    """
    member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mtime = 0
    return member


def digest(*parts: bytes) -> str:
    """One digest of all parts and their boundaries."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def tag(name: str) -> str:
    """The name under which the engine has the image."""
    return f"dojo-runner/{name}:latest"


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """A line when the block begins, and one with the seconds that it took."""
    print(f"building {tag(name)}", flush=True)
    started = time.monotonic()
    yield
    print(f"built {tag(name)} in {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
