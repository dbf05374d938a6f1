"""The daemon that is started as root: it goes on as an ordinary user that reaches the engine."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")

GROUP = 54321

# Prints the ids that the process has in the end, and what it logged; and connects to the engine.
PROGRAM = """
import json, os, socket, sys
from loguru import logger
from runner.user import leave_root
lines = []
logger.remove()
logger.add(lambda line: lines.append(line.record["message"]))
leave_root(sys.argv[1], f"unix://{sys.argv[2]}")
engine = socket.socket(socket.AF_UNIX)
try:
    engine.connect(sys.argv[2])
    connects = True
except OSError:
    connects = False
print(json.dumps([os.getuid(), os.getgid(), os.getgroups(), connects, lines]))
"""


def after_leaving(run_as: str, path: Path) -> list[object]:
    """Uid, gid, groups, whether the engine can be reached, and the log, of a process of root's."""
    code = [sys.executable, "-c", PROGRAM, run_as, str(path)]
    said = subprocess.run(code, capture_output=True, text=True, check=True)  # noqa: S603
    found: list[object] = json.loads(said.stdout)
    return found


@pytest.fixture
def engine() -> Iterator[Path]:
    """The path of a socket on which somebody listens, as the engine's: root's and a group's."""
    # Not tmp_path, whose parents are open to root alone.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "engine.sock"
        path.parent.chmod(0o755)
        with socket.create_server(str(path), family=socket.AF_UNIX):
            os.chown(path, 0, GROUP)
            path.chmod(0o660)
            yield path


def test_root_becomes_an_ordinary_user(engine: Path) -> None:
    """Root becomes the named user with one group more, reaches the engine, and the log says so."""
    assert after_leaving("10001:10001", engine) == [
        *(10001, 10001, [GROUP], True),
        ["the daemon is an ordinary user now"],
    ]


def test_without_a_name_nothing_changes(engine: Path) -> None:
    """Where no user is named root stays root, as in development."""
    uid, gid, _, connects, lines = after_leaving("", engine)

    assert (uid, gid, connects, lines) == (0, 0, True, [])


@pytest.mark.parametrize("what", ["a socket of root's alone", "no socket"])
def test_root_that_would_lose_the_engine_stays(engine: Path, what: str) -> None:
    """An ordinary user that cannot reach the engine is no use: the log has a warning instead."""
    if what == "no socket":
        engine.unlink()
    else:
        engine.chmod(0o600)

    uid, _, _, _, lines = after_leaving("10001:10001", engine)

    assert (uid, lines) == (0, ["the daemon stays root"])
