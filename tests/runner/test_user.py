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
logger.add(lambda line: lines.append([line.record["message"], *line.record["extra"].values()]))
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
        [["the daemon is an ordinary user now", "10001:10001", [GROUP]]],
    ]


def test_without_a_name_nothing_changes(engine: Path) -> None:
    """Where no user is named root stays root, as in development."""
    uid, gid, _, connects, lines = after_leaving("", engine)

    assert (uid, gid, connects, lines) == (0, 0, True, [])


ADVICE = "once a group may open the engine's socket, and enter its folder, start the daemon again"


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("a socket of root's alone", "no group may write to the engine's socket"),
        ("no socket", "No such file or directory"),
        ("a folder", "is no socket"),
        ("a folder that is shut", "user 10001 cannot reach the engine's socket"),
    ],
)
def test_root_that_would_lose_the_engine_stays(engine: Path, what: str, reason: str) -> None:
    """An ordinary user that cannot reach the engine is no use: the log has a warning instead.

    Docker makes a folder in the place of a socket that is not there when a container is started.
    """
    path = engine
    match what:
        case "a socket of root's alone":
            engine.chmod(0o600)
        case "no socket":
            engine.unlink()
        case "a folder":
            path = engine.parent
        case _:
            engine.parent.chmod(0o700)

    uid, gid, groups, connects, lines = after_leaving("10001:10001", path)

    assert (uid, gid, groups) == (0, 0, os.getgroups())
    assert connects is (what in ("a socket of root's alone", "a folder that is shut"))
    assert lines == [["the daemon stays root", f"{path}: {reason}", ADVICE]]


def test_a_folder_that_the_group_may_enter(engine: Path) -> None:
    """The socket's group may be what opens the folder, too."""
    engine.parent.chmod(0o750)
    os.chown(engine.parent, 0, GROUP)

    uid, _, _, connects, _ = after_leaving("10001:10001", engine)

    assert (uid, connects) == (10001, True)
