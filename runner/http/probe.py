"""Asks the daemon on this machine whether it is ready, for health checks of containers.

An engine runs such a check every few seconds for as long as the daemon lives, so it must cost
little. It does without the settings and an HTTP library: their import alone would take ten times
the CPU of the question.
"""

import json
import os
import socket
import sys
import time
from contextlib import suppress

from runner.configuration.variables import PREFIX, is_link, value_of
from runner.visible import visible_line

DEADLINE_S = 5.0
LONGEST_ANSWER_BYTES = 16 * 1024 * 1024
# A container is young for so long. It may just be getting ready, so it is asked without a pause.
YOUNG_S = 60.0
LONGEST_PAUSE_S = 60.0

HOST = f"{PREFIX}HOST"
PORT = f"{PREFIX}PORT"
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 4597

# A daemon that cannot tell colours is ready: it takes on runs, and a restart would not help.
_READY = ("ok", "no colours")

# A daemon that listens on every address answers on loopback, too.
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not to listen on


class NotReadyError(Exception):
    """The daemon would not take on a run, or does not answer; the message says why."""


def main(*, pause_s: float = 0.0) -> int:
    """Ask, and print the answer in one line. Returns 0 if the daemon is ready, else 1.

    Args:
        pause_s: seconds to wait before asking, once the container is a minute old
    """
    try:
        time.sleep(pause_before(age_s(), pause_s))
        replica = ask_if_ready(*address())
    except (ValueError, NotReadyError) as error:
        sys.stderr.write(f"dojo-runner: {visible_line(str(error))}\n")
        return 1
    sys.stdout.write(f"{visible_line(replica)} is ready\n")
    return 0


def pause_before(container_s: float, pause_s: float) -> float:
    """The seconds to pause, for a container of the age `container_s`: 0 while it is young.

    Raises ValueError if `pause_s` is out of range.
    """
    if not 0.0 <= pause_s <= LONGEST_PAUSE_S:
        raise ValueError(f"--pause-s: {pause_s:g} is not between 0 and {LONGEST_PAUSE_S:g}")
    return pause_s if container_s >= YOUNG_S else 0.0


def age_s(processes: str = "/proc") -> float:
    """How long the container's first process has run; 0 where that cannot be told.

    Both times are counted by the same clock: when that process was started, and when this one was.
    """
    try:
        first, this = (_started_at(f"{processes}/{name}/stat") for name in ("1", "self"))
    except (OSError, ValueError, IndexError):
        return 0.0
    return (this - first) / os.sysconf("SC_CLK_TCK")


def _started_at(path: str) -> int:
    """When a process was started, in ticks. Raises OSError, ValueError, IndexError."""
    with open(path, "rb") as stat:  # pathlib would cost a tenth of the check
        # The second field is a name, which may have spaces and parentheses; the 22nd is wanted.
        _, _, from_the_third = stat.read().rpartition(b")")
    return int(from_the_third.split()[22 - 3])


def address() -> tuple[str, int]:
    """The host and port of the daemon that has the same environment.

    Raises ValueError, with one line that names the variable.
    """
    host = value_of(HOST, os.environ) or DEFAULT_HOST
    text = value_of(PORT, os.environ)
    if not text or is_link(text):
        text = str(DEFAULT_PORT)
    if not text.isdecimal() or int(text) > 65535:
        raise ValueError(f"{PORT}: {text!r} is not a port")
    return _LOOPBACK.get(host, host), int(text)


def ask_if_ready(host: str, port: int, deadline_s: float = DEADLINE_S) -> str:
    """The name of the replica that is ready. Raises NotReadyError."""
    where = f"{f'[{host}]' if ':' in host else host}:{port}"
    try:
        answer = _get(host, port, "/health", time.monotonic() + deadline_s)
    except TimeoutError as error:
        raise NotReadyError(f"no answer from {where} within {deadline_s:g} s") from error
    except OSError as error:
        raise NotReadyError(f"no answer from {where}: {error.strerror or error}") from error
    status, replica = None, None
    with suppress(ValueError, LookupError, TypeError, RecursionError):
        health = json.loads(answer)
        status, replica = str(health["status"]), str(health["replica"])
    if status is None:
        raise NotReadyError(f"what answers at {where} is no dojo-runner")
    if status not in _READY:
        raise NotReadyError(f"{replica}: {status}")
    return replica or ""


def _get(host: str, port: int, path: str, deadline_s: float) -> bytes:
    """The body of the answer. Raises OSError, of which TimeoutError is one."""
    with socket.create_connection((host, port), deadline_s - time.monotonic()) as connection:
        connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = bytearray()
        while len(answer) < LONGEST_ANSWER_BYTES:
            connection.settimeout(max(0.001, deadline_s - time.monotonic()))
            if not (piece := connection.recv(65536)):
                break
            answer += piece
    return bytes(answer).partition(b"\r\n\r\n")[2]
