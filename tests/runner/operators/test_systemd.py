"""What systemd is told, when it listens and when it does not."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from pool import Supervisor
from runner.operators.systemd import ALIVE, READY, Systemd
from tests.reports import unheard
from tests.waiting import eventually


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """The socket on which systemd would listen."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.settimeout(10)
        yield one


@pytest.fixture
def supervisor() -> Supervisor:
    """Nothing fails in the background."""
    return unheard()


@pytest.mark.parametrize("is_abstract", [False, True])
@pytest.mark.parametrize("name", ["notify", "user@1000.notify", "@"])
def test_words_arrive(
    listener: socket.socket, tmp_path: Path, supervisor: Supervisor, is_abstract: bool, name: str
) -> None:
    """Words go to the socket that is named, in the file system or in the abstract namespace.

    Only an @ at the beginning tells which; systemd itself has folders with an @ in their names.
    """
    abstract = f"dojo-test-{tmp_path.name}-{name}"
    listener.bind(f"\0{abstract}" if is_abstract else str(tmp_path / name))

    address = f"@{abstract}" if is_abstract else str(tmp_path / name)
    Systemd(address, 0, supervisor).tell(READY)

    assert listener.recv(100) == b"READY=1"


def test_nobody_is_told_where_nobody_asks(supervisor: Supervisor) -> None:
    """A daemon that systemd did not start says nothing, and needs nothing."""
    Systemd("", 0, supervisor).tell(READY)


def test_a_manager_that_is_gone_stops_nothing(
    tmp_path: Path, supervisor: Supervisor, logs: list[dict[str, str]]
) -> None:
    """A socket that is not there is a line in the log."""
    Systemd(str(tmp_path / "gone"), 0, supervisor).tell(READY)

    assert [event["message"] for event in logs] == ["systemd does not listen"]


async def test_signs_of_life(
    listener: socket.socket, tmp_path: Path, supervisor: Supervisor
) -> None:
    """Signs of life come twice as often as systemd waits for them."""
    listener.bind(str(tmp_path / "notify"))
    listener.setblocking(False)
    received: list[bytes] = []

    async def heard() -> int:
        with suppress(BlockingIOError):
            received.append(listener.recv(100))
        return len(received)

    systemd = Systemd(str(tmp_path / "notify"), 20_000, supervisor)
    systemd.start()
    await eventually(heard, lambda count: count >= 3)
    await systemd.close()

    assert set(received) == {ALIVE.encode()}


@pytest.mark.parametrize(("name", "usec"), [("", 1000), ("/run/x", 0)])
async def test_without_a_watchdog_there_are_none(
    name: str, usec: int, supervisor: Supervisor
) -> None:
    """Where systemd asks for no sign of life no loop begins."""
    systemd = Systemd(name, usec, supervisor)

    systemd.start()
    await asyncio.sleep(0)

    assert not supervisor.loops
    await systemd.close()
