"""A daemon as a process of its own, and how to talk to it: for the demo and the benchmark."""

import contextlib
import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent

START_SECONDS = 60
WARM_SECONDS = 60
RUN_SECONDS = 60
STOP_SECONDS = 60

# A proxy of the machine's is not for loopback.
http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DaemonError(Exception):
    """The daemon did not start, or did not answer; the message is for the terminal."""


@contextlib.contextmanager
def daemon(log_file: Path, *, program: str | None = None, **settings: str) -> Iterator[str]:
    """The daemon answers at the URL inside the block, and has ended well after it.

    `settings` are variables of its environment; `program` is Python that takes the place of the
    console script. Raises DaemonError.
    """
    port = int(settings.pop("CYBER_DOJO_RUNNER_PORT", 0)) or free_port()
    with running(log_file, port, program, settings) as process:
        yield f"http://127.0.0.1:{port}"
    if process.returncode != 0:
        raise DaemonError(f"the daemon ended with status {process.returncode} at SIGTERM")


@contextlib.contextmanager
def running(
    log_file: Path, port: int, program: str | None, settings: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon's process, ready inside the block, ended after it. Raises DaemonError."""
    url = f"http://127.0.0.1:{port}"
    log_file.parent.mkdir(exist_ok=True)
    with log_file.open("wb") as log:
        process = subprocess.Popen(
            [*_command(program), "serve"],
            env={**os.environ, **settings, "CYBER_DOJO_RUNNER_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        if not wait(lambda: process.poll() is not None or ready(url), START_SECONDS):
            raise DaemonError(f"the daemon is not ready after {START_SECONDS} s")
        if process.returncode is not None:
            raise DaemonError(f"the daemon ended at its start, with status {process.returncode}")
        yield process
    finally:
        stop(process)


def _command(program: str | None) -> list[str]:
    bin_ = ROOT / ".venv" / "bin"
    return [str(bin_ / "dojo-runner")] if program is None else [str(bin_ / "python"), "-c", program]


def stop(process: subprocess.Popen[bytes]) -> None:
    """End the daemon; kill it when it has not ended in STOP_SECONDS."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until_warm(url: str, image: str) -> bool:
    """Whether the image has warm containers, and no start is under way that a run would feel."""

    def is_settled() -> bool:
        pool = ask(url, "health").get("images", {}).get(image, {})
        return bool(pool.get("warm")) and not pool.get("starting")

    return wait(is_settled, WARM_SECONDS)


def ready(url: str) -> bool:
    """Whether the daemon says that it is ready; False while it does not answer."""
    try:
        return ask(url, "ready?").get("ready?") is True
    except DaemonError:
        return False


def ask(url: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """Send a GET without a body, or a POST with one; returns the answer's JSON, also
    of a refusal.
    """
    data = None if body is None else json.dumps(body).encode()
    # Always our own http address.
    request = urllib.request.Request(f"{url}/{path}", data)  # noqa: S310
    try:
        with http.open(request, timeout=RUN_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        # Its body says why.
        raise DaemonError(f"/{path}: {error}\n{error.read().decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise DaemonError(f"/{path}: {error}") from error
    return answer


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until the condition is true; returns whether it became true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    """A port on which no process listens at this moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
