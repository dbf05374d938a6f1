"""The daemon as a process of its own: started, asked over HTTP, and stopped."""

import asyncio
import json
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

from pool import DEFAULT_DOCKER_HOST, DockerClient, DockerContainers, Seen
from pool.orphans import REPLICA_LABEL
from tests.waiting import eventually

DOCKER_HOST = os.environ.get("DOCKER_HOST") or DEFAULT_DOCKER_HOST
STOPS_WITHIN_S = 40.0
ANSWERS_WITHIN_S = 28.0  # a browser gives up at 30
LATE_S = 3.0  # beyond the budget of a request, where a test's daemon has a longer one

# By exit status, whatever an image's own lambda looks at.
STATUS_RAG = "->(_out, _err, status) { { 0 => :green, 1 => :red }.fetch(status, :amber) }"


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


class Daemon:
    """A running daemon; its containers are known by its replica's name."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        settings: Mapping[str, str],
        log_file: Path,
        http: aiohttp.ClientSession,
        containers: DockerContainers,
    ) -> None:
        self.process = process
        self.replica = settings["replica"]
        self.url = f"http://127.0.0.1:{settings['port']}"
        self._log_file = log_file
        self._http = http
        self._containers = containers

    async def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON of an answer, whatever its status."""
        async with self._http.get(f"{self.url}/{path}", json=body) as response:
            return await response.json()

    async def run(
        self,
        image: str,
        script: str,
        *,
        seconds: float = 10,
        files: Mapping[str, str] = {},
        **manifest: Any,
    ) -> dict[str, Any]:
        """The seven keys of a run of a cyber-dojo.sh, coloured by its exit status."""
        how = {"image_name": image, "max_seconds": seconds, "rag_lambda": STATUS_RAG, **manifest}
        sent = {"cyber-dojo.sh": script, **files}
        answer = await self.ask("run_cyber_dojo_sh", {"id": "id", "files": sent, "manifest": how})
        result: dict[str, Any] = answer["run_cyber_dojo_sh"]
        return result

    async def is_ready(self) -> bool:
        """What the daemon says to `/ready`; False while it does not listen."""
        try:
            return bool((await self.ask("ready?"))["ready?"])
        except aiohttp.ClientError:
            return False

    async def health(self) -> dict[str, Any]:
        """What operators see of the daemon."""
        health: dict[str, Any] = await self.ask("health")
        return health

    async def containers(self) -> list[Seen]:
        """The daemon's containers on the engine, in any state."""
        return await self._containers.list_containers(f"{REPLICA_LABEL}={self.replica}")

    async def settled(self, *images: str) -> None:
        """Wait until every pool, these images' at least, is full, and nothing is left over.

        What is due: the warm containers, the one that decides the colours, the one that shows that
        cells can be had, and those that lend networks. A pool whose image cannot be started is
        never full.
        """

        async def surplus() -> str:
            health = await self.health()
            by_image = health["images"]
            if not by_image.keys() >= set(images):
                return "an image is not pooled"
            pools = [pool for pool in by_image.values() if not pool["last_error"]]
            if any(pool["warm"] != pool["target"] for pool in pools):
                return "a pool is not full"
            if any(pool["starting"] or pool["leased"] for pool in pools):
                return "a pool is busy"
            due = sum(pool["warm"] for pool in pools) + 1 + (health["reuse"]["kind"] == "cells")
            due += health["networks"]["holders"]
            found = await self.containers()
            return "" if len(found) == due else f"{due} due, {found}"

        await eventually(surplus, lambda words: not words)

    def memory_bytes(self) -> int:
        """The daemon's resident memory."""
        return self._of_status("VmRSS")

    def peak_bytes(self) -> int:
        """The most of resident memory that it has had since `forget_peak`."""
        return self._of_status("VmHWM")

    def forget_peak(self) -> None:
        """Count the peak anew, from what is resident now."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5")

    def _of_status(self, field: str) -> int:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        [found] = [line for line in lines if line.startswith(field)]
        return int(found.split()[1]) * 1024

    def said(self) -> str:
        """Everything that the daemon has printed."""
        return self._log_file.read_text()

    def log(self, message: str = "", **fields: Any) -> list[dict[str, Any]]:
        """The events that the daemon's log has by now, with this message and these fields.

        The daemon gathers lines for a moment. So a line of a living daemon may come a little later:
        see `logged`.
        """
        lines = self.said().splitlines(keepends=True)
        events = [json.loads(line) for line in lines if line.endswith("\n")]
        return [
            event
            for event in events
            if message in ("", event["message"])
            and all(event.get(name) == value for name, value in fields.items())
        ]

    async def logged(self, message: str, count: int = 1, **fields: Any) -> list[dict[str, Any]]:
        """The same, as soon as there are so many of these events."""

        async def events() -> list[dict[str, Any]]:
            return self.log(message, **fields)

        return await eventually(events, lambda found: len(found) >= count)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the daemon a signal and wait for its end; its exit status."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        async with asyncio.timeout(STOPS_WITHIN_S):
            return await self.process.wait()


def environment(**settings: str) -> dict[str, str]:
    """This process's environment, with these settings of the daemon and no others."""
    ours = {name: value for name, value in os.environ.items() if "CYBER_DOJO" not in name}
    return {
        **ours,
        "DOCKER_HOST": DOCKER_HOST,
        **{f"CYBER_DOJO_RUNNER_{name}".upper(): value for name, value in settings.items()},
    }


@asynccontextmanager
async def daemon(
    folder: Path,
    *,
    docker_host: str = DOCKER_HOST,
    ready: bool = True,
    under: Sequence[str] = (),
    stdout: int | None = None,
    **settings: str,
) -> AsyncIterator[Daemon]:
    """A daemon with these settings, ready when the block begins, gone with its containers after.

    `under` is a command that starts it, with limits of its own; `stdout` a descriptor for its log.
    """
    settings = {
        "port": str(free_port()),
        "replica": f"test-{uuid.uuid4().hex}",
        # A holder of networks, and the trial of cells, would be all that a short life is spent on.
        "network_holders": "0",
        "reuse": "never",
        **settings,
    }
    log_file = folder / f"{uuid.uuid4().hex}.log"
    client = DockerClient(DOCKER_HOST, lambda error: None)
    containers = DockerContainers(client)
    with log_file.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(*under, sys.executable, "-m", "runner", "serve"),
            stdout=log if stdout is None else stdout,
            stderr=log if stdout is not None else asyncio.subprocess.STDOUT,
            env={**environment(**settings), "DOCKER_HOST": docker_host},
        )
    answers_within_s = max(ANSWERS_WITHIN_S, float(settings.get("budget_s", 0)) + LATE_S)
    http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=answers_within_s))
    try:
        running = Daemon(process, settings, log_file, http, containers)
        if ready:
            await eventually(running.is_ready)
        yield running
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(STOPS_WITHIN_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        for left in await containers.list_containers(f"{REPLICA_LABEL}={settings['replica']}"):
            await containers.remove(left.container_id)
        await http.close()
        await containers.close()
        await client.close()
