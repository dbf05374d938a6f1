"""A service that starts a container for each request: `docker run`, files over stdin, and a
harvest that forks for each file. It decides no colour.
"""

import asyncio
import gzip
import os
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

from pool import DEFAULT_DOCKER_HOST
from runner.container.hand_over import GID, UID

DOCKER_HOST = os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST

_SCRIPT = (Path(__file__).parent / "harvest_each.sh").read_text()
_DOCKER_RUN = ["docker", "run", "--rm", "--interactive", "--init", "--network=none",
               f"--user={UID}:{GID}", "--security-opt=no-new-privileges",
               "--memory=2g", "--pids-limit=128", "--ulimit=core=0", "--ulimit=nofile=1024",
               f"--tmpfs=/sandbox:exec,size=250m,uid={UID},gid={GID}",
               "--tmpfs=/tmp:exec,size=250m,mode=1777",
               f"--tmpfs=/.dojo:size=250m,uid={UID},gid={GID}",
               "--env=HOME=/home/sandbox", "--entrypoint="]  # fmt: skip
# cyber-dojo's own images have this program; these images are run without it.
_INSTALLS = (
    "RUN apt-get update && apt-get install --yes --no-install-recommends file"
    " && rm -rf /var/lib/apt/lists/*\n"
)
_WITH_FILE = "FROM {}\n" + _INSTALLS
# The images of the project have one base. What is installed there fits into each of them, and the
# engine has it after the first one.
_OWN = "dojo-runner/"
_OWN_WITH_FILE = (
    f"FROM {_OWN}base:latest AS file\n{_INSTALLS}"
    "RUN mkdir /file && dpkg -L file libmagic1 libmagic-mgc | while read -r path; do"
    ' if [ ! -d "$path" ]; then cp --archive --parents "$path" /file; fi; done\n'
    "FROM {}\nCOPY --from=file /file/ /\n"
)


async def image_with_file(image: str) -> str:
    """The image with the command that the harvest forks; its name. Raises OSError."""
    name, _, _ = image.rpartition(":")
    tag = f"{name or image}:with-file"
    dockerfile = (_OWN_WITH_FILE if image.startswith(_OWN) else _WITH_FILE).format(image).encode()
    await _docker(["docker", "build", "--quiet", "--tag", tag, "-"], dockerfile)
    return tag


async def run(image: str, tgz: bytes) -> bytes:
    """The tar of the answer. Raises OSError."""
    return gzip.decompress(await _docker([*_DOCKER_RUN, image, "bash", "-c", _SCRIPT], tgz))


async def _docker(command: list[str], data: bytes) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
        env={**os.environ, "DOCKER_HOST": DOCKER_HOST},
    )  # fmt: skip
    said, _ = await process.communicate(data)
    if process.returncode != 0:
        raise OSError(f"{command[1]} ended with status {process.returncode}: {said[-300:]!r}")
    return said
