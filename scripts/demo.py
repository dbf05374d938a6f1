"""Starts the daemon, runs one kata red, amber and green over HTTP, prints the answers, stops it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".state" / "demo.log"
IMAGE = "dojo-runner/python-pytest:latest"

START_SECONDS = 60
WARM_SECONDS = 60
RUN_SECONDS = 60
STOP_SECONDS = 60

COLOURS = {"red": "red", "amber": "yellow", "green": "green"}
HIKER = "def answer():\n    return {}\n"
TEST = "from hiker import answer\n\n\ndef test_answer():\n    assert answer() == 42\n"
# What hiker.py says, and the colour that it deserves.
KATAS = {"red": "6 * 9", "amber": "6 *", "green": "6 * 7"}

console = Console(highlight=False)
# A proxy of the machine's is not for loopback.
http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class DemoError(Exception):
    """What went wrong, for the terminal."""


def main() -> int:
    # So that the daemon is stopped then too; Ctrl-C is an exception already.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    LOG.parent.mkdir(exist_ok=True)
    try:
        with daemon() as url:
            ask(url, "pull_image", {"id": "demo", "image_name": IMAGE})
            for colour, expression in KATAS.items():
                if not wait(lambda: warm(url) >= 1, WARM_SECONDS):
                    console.print("no container is warm yet: the next run has to start its own")
                run(url, colour, expression)
    except DemoError as error:
        console.print(f"error: {error}", style="red", markup=False)
        tail = LOG.read_text(errors="replace").splitlines()[-20:]
        console.print(f"the log of the daemon, {LOG}, ends with:", *tail, sep="\n", markup=False)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return 0


@contextlib.contextmanager
def daemon() -> Iterator[str]:
    """The daemon answers at the URL inside the block, and has ended well after it."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with LOG.open("wb") as log:
        process = subprocess.Popen(
            [ROOT / ".venv" / "bin" / "dojo-runner", "serve"],
            env={**os.environ, "CYBER_DOJO_RUNNER_PORT": str(port)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        if not wait(lambda: process.poll() is not None or ready(url), START_SECONDS):
            raise DemoError(f"the daemon is not ready after {START_SECONDS} s")
        if process.returncode is not None:
            raise DemoError(f"the daemon ended at its start, with status {process.returncode}")
        yield url
    finally:
        stop(process)
    if process.returncode != 0:
        raise DemoError(f"the daemon ended with status {process.returncode} at SIGTERM")


def stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(url: str, colour: str, expression: str) -> None:
    """Runs the kata and prints one line; any other outcome than the colour ends the demo."""
    kata = {
        "id": "demo",
        "files": {
            "hiker.py": HIKER.format(expression),
            "test_hiker.py": TEST,
            "cyber-dojo.sh": "python3 -m pytest test_hiker.py\n",
        },
        "manifest": {"image_name": IMAGE, "max_seconds": 10},
    }
    started = time.monotonic()
    answer = ask(url, "run_cyber_dojo_sh", kata)
    milliseconds = (time.monotonic() - started) * 1000
    outcome = answer.get("run_cyber_dojo_sh", {}).get("outcome")
    console.print(
        f"{expression:6} expected {colour:6} outcome "
        f"[{COLOURS.get(str(outcome), 'magenta')}]{outcome!s:6}[/] {milliseconds:6.0f} ms"
    )
    if outcome != colour:
        raise DemoError(f"expected {colour}; the answer was:\n{json.dumps(answer, indent=2)}")


def warm(url: str) -> int:
    """How many containers of the image wait for a run."""
    images = ask(url, "health").get("images", {})
    return int(images.get(IMAGE, {}).get("warm", 0))


def ready(url: str) -> bool:
    try:
        return ask(url, "ready?").get("ready?") is True
    except DemoError:
        return False


def ask(url: str, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
    """GET without a body, POST with one; the answer's JSON, also of a refusal."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/{path}", data)
    try:
        with http.open(request, timeout=RUN_SECONDS) as response:
            answer: dict[str, Any] = json.load(response)
    except urllib.error.HTTPError as error:
        # Its body says why.
        raise DemoError(f"/{path}: {error}\n{error.read().decode(errors='replace')}") from error
    except (OSError, ValueError) as error:
        raise DemoError(f"/{path}: {error}") from error
    return answer


def wait(condition: Callable[[], bool], seconds: float) -> bool:
    """Whether the condition came true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
