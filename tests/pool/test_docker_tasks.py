"""What the engine's client does in the background never fails unheard."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

import pytest

from pool import DockerClient, DockerContainers, DockerImages, Supervisor
from tests.reports import Reports
from tests.waiting import eventually

from .fake_dockerd import FakeDockerd, answer
from .support import a_spec

BUG = RuntimeError("a bug")
CREATE = "POST /containers/create"


@dataclass(frozen=True)
class Way:
    """One of the ways to make a container, by a call of that operation.

    `begin` makes the container and uses it. `close` waits for its removal.
    """

    operation: str
    begin: Callable[[], Awaitable[object]]
    close: Callable[[], Awaitable[None]]


class Bugs:
    """Errors that nobody foresees: the end of a call of the operation so named raises it."""

    def __init__(self) -> None:
        self.at: dict[str, Exception] = {}

    def ended(self, operation: str, _seconds: float) -> None:
        """What the client calls after every call."""
        if operation in self.at:
            raise self.at.pop(operation)


@pytest.fixture
def bugs() -> Bugs:
    """None yet."""
    return Bugs()


@pytest.fixture
async def client(
    dockerd: FakeDockerd, supervisor: Supervisor, bugs: Bugs
) -> AsyncIterator[DockerClient]:
    """A client with the bugs of the test."""
    client = DockerClient(dockerd.host, lambda _: None, bugs.ended, supervisor=supervisor)
    yield client
    await client.close()


@pytest.fixture(params=["start", "output", "read_files"])
def way(request: pytest.FixtureRequest, client: DockerClient) -> Way:
    """Each way in which a container is made."""
    containers, images = DockerContainers(client), DockerImages(client, {})
    ways = {
        "start": Way("create", lambda: containers.start(a_spec()), containers.close),
        "output": Way("create", lambda: containers.output(a_spec(), 9, 9.0), containers.close),
        "read_files": Way("read", lambda: images.read_files("sha256:1", (), 9), images.close),
    }
    return ways[request.param]


async def _cancelled_in_mid_create(dockerd: FakeDockerd, way: Way, status: int) -> None:
    """Begin, go away while the engine creates the container, and let it answer with the status."""
    may_answer = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await may_answer.wait()
        await answer({"Id": "c1", "message": "no"}, status)(reader, writer)

    dockerd.on(CREATE, late)
    task = asyncio.ensure_future(way.begin())
    await eventually(lambda: _is_in(CREATE, dockerd.asked))
    task.cancel()
    may_answer.set()
    with suppress(asyncio.CancelledError, RuntimeError):
        await task
    await way.close()


async def _is_in(request: str, asked: list[str]) -> bool:
    return request in asked


async def test_a_create_that_fails_when_its_caller_has_gone_is_no_bug(
    dockerd: FakeDockerd, way: Way, reports: Reports
) -> None:
    """The client has reported the engine's error already; the supervisor does not hear of it."""
    await _cancelled_in_mid_create(dockerd, way, 500)

    assert reports.names == []


async def test_a_create_that_ends_with_a_bug_when_its_caller_has_gone_is_reported(
    dockerd: FakeDockerd, way: Way, bugs: Bugs, reports: Reports
) -> None:
    """Nobody waits for the create any more, so the supervisor hears of the bug."""
    bugs.at[way.operation] = BUG

    await _cancelled_in_mid_create(dockerd, way, 201)

    assert [name.partition(" ")[0] for name in reports.names] == ["create"]
    assert reports.errors == [BUG]


async def test_a_removal_that_ends_with_a_bug_is_reported(
    dockerd: FakeDockerd, way: Way, bugs: Bugs, reports: Reports
) -> None:
    """The supervisor hears of the bug, although the container's user has gone."""
    bugs.at["remove"] = BUG

    await _cancelled_in_mid_create(dockerd, way, 201)

    assert [name.partition(" ")[0] for name in reports.names] == ["remove"]
    assert reports.errors == [BUG]
