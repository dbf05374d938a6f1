"""The system's commands that deploy, as a test runs them."""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.daemon_process import DOCKER_HOST
from tests.documentation.shell import shell

ROOT = Path(__file__).resolve().parents[2]
SOCKET = Path(DOCKER_HOST.removeprefix("unix://"))
IMAGE = "dojo-runner/runner:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"
_TYPED_WITHIN_S = 300.0


class CommandError(Exception):
    """A command ended with another status than 0; the message is all that it said."""


def command(name: str) -> str:
    """The path of a command, the distribution's before any other; fails with what to install."""
    found = shutil.which(name, path="/usr/bin") or shutil.which(name)
    if found is None:
        pytest.fail(f"{name} is not installed; run: scripts/apt-install {name}", pytrace=False)
    return found


async def run(name: str, *words: str, stdin: str = "", **variables: str) -> str:
    """Run a command; what it prints on stdout. Raises CommandError."""
    process = await asyncio.create_subprocess_exec(
        command(name),
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env=environment(**variables),
    )
    printed, complaints = await process.communicate(stdin.encode())
    if process.returncode != 0:
        raise CommandError(f"{name} {' '.join(words)}:\n{(printed + complaints).decode()}")
    return printed.decode().strip()


def docker_config(folder: Path) -> str:
    """A folder for DOCKER_CONFIG with which `docker compose` is docker-compose.

    So a page's words can be typed where the distribution has the one and not the other.
    """
    plugin = folder / "cli-plugins" / "docker-compose"
    plugin.parent.mkdir()
    plugin.write_text(f'{_PLUGIN}exec {command("docker-compose")} "$@"\n')
    plugin.chmod(0o755)
    return str(folder)


# What docker asks each of its plugins, and the name by which it calls this one.
_PLUGIN = """\
#!/bin/sh
if [ "$1" = docker-cli-plugin-metadata ]; then
    echo '{"SchemaVersion": "0.1.0", "Vendor": "tests", "Version": "1"}'
    exit
fi
shift
"""


async def typed(text: str, folder: Path = ROOT, /, **variables: str) -> str:
    """Run a page's command in a shell; what it prints on stdout. Raises CommandError."""
    variables = {"DOCKER_HOST": DOCKER_HOST, **variables}
    said = await shell(text, folder, within_s=_TYPED_WITHIN_S, **variables)
    if said.status != 0:
        raise CommandError(f"{text}:\n{said.stdout}{said.stderr}")
    return said.stdout.strip()


def environment(**variables: str) -> Mapping[str, str]:
    """This process's environment, with what the files of deployment ask for."""
    return {
        **os.environ,
        "DOCKER_HOST": DOCKER_HOST,
        "DOCKER_GID": str(SOCKET.stat().st_gid),
        **variables,
    }


async def replica_at(http: aiohttp.ClientSession, port: int) -> str:
    """The name of the ready replica that answers there; empty while none does."""
    try:
        health = await health_at(http, port)
    except (aiohttp.ClientError, OSError, ValueError):
        return ""
    return str(health["replica"]) if health["status"] == "ok" else ""


async def health_at(http: aiohttp.ClientSession, port: int) -> dict[str, Any]:
    """What `/health` says there."""
    async with http.get(f"http://127.0.0.1:{port}/health") as response:
        health: dict[str, Any] = await response.json(content_type=None)
    return health


async def outcome_at(http: aiohttp.ClientSession, port: int, script: str) -> str:
    """The colour of a run there, by its exit status; or what went wrong."""
    kata = {
        "id": "aBc123",
        "files": {"cyber-dojo.sh": script},
        "manifest": {
            "image_name": BUSYBOX,
            "max_seconds": 10,
            "rag_lambda": "->(_o, _e, status) { { 0 => :green, 1 => :red }.fetch(status, :amber) }",
        },
    }
    async with http.post(f"http://127.0.0.1:{port}/run_cyber_dojo_sh", json=kata) as response:
        answer = await response.json()
    return str(answer.get("run_cyber_dojo_sh", {}).get("outcome", answer))
