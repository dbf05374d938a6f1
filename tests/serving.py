"""A service behind a real HTTP port, and a client of it."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Coroutine, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from uuid import uuid4
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import web

from pool import Owner
from runner.app import make_http
from runner.engine.engines import Engines
from runner.service import Service
from runner.settings import Settings
from tests.fakes import FakeEngine
from tests.waiting import eventually

# Colours a run by its exit status, as the fake traffic light does whatever it is sent.
STATUS_LAMBDA = "lambda { |_o, _e, status| { 0 => :green, 1 => :red }.fetch(status, :amber) }"


@dataclass(frozen=True)
class Answer:
    """The answer that a client gets."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def exception(self) -> dict[str, Any]:
        """The explanation that a refusal carries."""
        assert set(self.body) == {"exception"}
        exception: dict[str, Any] = self.body["exception"]
        return exception

    @property
    def refusal(self) -> tuple[int, str]:
        """The status and the message of a refusal."""
        return self.status, self.exception["message"]


@dataclass(frozen=True)
class Served:
    """A service that runs, and a client's session with it. `image` is one that it can run."""

    url: str
    session: aiohttp.ClientSession
    service: Service
    settings: Settings
    image: str
    server: web.AppRunner
    fake: FakeEngine | None = None

    async def ask(self, path: str, body: Any = b"", verb: str = "POST", **kwargs: Any) -> Answer:
        """One request; a body that is not bytes is sent as JSON, bytes and streams as they are."""
        data = io.BytesIO(json.dumps(body).encode()) if isinstance(body, dict | list) else body
        async with self.session.request(verb, self.url + path, data=data, **kwargs) as response:
            answer = Answer(response.status, response.headers, await response.json())
        self.service.views.catch_up()  # so that a test finds the run's line in the log
        return answer

    def kata(self, script: str = "true", files: Any = None, **manifest: Any) -> dict[str, Any]:
        """The arguments of a run; a None in the manifest leaves that field out."""
        fields = {
            "image_name": self.image,
            "max_seconds": 10,
            "rag_lambda": STATUS_LAMBDA,
            **manifest,
        }
        return {
            "id": "aBc123",
            "files": {"cyber-dojo.sh": script, **(files or {})},
            "manifest": {name: value for name, value in fields.items() if value is not None},
        }

    async def run(self, script: str = "true", files: Any = None, **manifest: Any) -> dict[str, Any]:
        """The seven keys of a run that was taken on."""
        return await self.send(self.kata(script, files, **manifest))

    async def send(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The seven keys of a run with these arguments."""
        answer = await self.ask("/run_cyber_dojo_sh", arguments)
        assert (answer.status, set(answer.body)) == (200, {"run_cyber_dojo_sh"}), answer.body
        result: dict[str, Any] = answer.body["run_cyber_dojo_sh"]
        return result

    async def until_ready(self) -> None:
        """Wait until the service has heard from its engine."""
        while not (await self.ask("/ready")).body["ready?"]:
            pass

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A connection of its own, for what no client library would send."""
        host, _, port = self.url.removeprefix("http://").partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            yield reader, writer
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def raw(self, request: bytes) -> Answer:
        """The answer to these very bytes."""
        async with self.connection() as (reader, writer):
            writer.write(request)
            return await answer_from(reader)


async def answer_from(reader: asyncio.StreamReader) -> Answer:
    """The next answer off a connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    status, *lines = head.strip().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    body = await reader.readexactly(int(headers["Content-Length"]))
    return Answer(int(status.split()[1]), headers, json.loads(body))


def new_owner() -> Owner:
    """An owner unlike any other, whose containers no sweep takes for orphans while they run."""
    name = f"test-{uuid4().hex}"
    return Owner(name, name)


@asynccontextmanager
async def serving(
    settings: Settings,
    engines: Engines,
    owner: Owner,
    image: str,
    fake: FakeEngine | None = None,
) -> AsyncIterator[Served]:
    """A service from its start to its end; afterwards none of its tasks is left."""
    asyncio.get_running_loop().set_task_factory(_noted_task)
    with _tasks_belong_to(owner):
        service = Service(settings, owner, engines)
        http = make_http(settings, service)
        await http.setup()
        await web.TCPSite(http, "127.0.0.1", 0).start()
        await service.start()
    _running.add(service)
    url = f"http://127.0.0.1:{http.addresses[0][1]}"
    try:
        async with aiohttp.ClientSession() as session:
            yield Served(url, session, service, settings, image, http, fake)
    finally:
        _running.remove(service)
        with _tasks_belong_to(owner):
            await http.cleanup()
            await service.drain()
    left = [task for task in asyncio.all_tasks() if _owners.get(task) is owner]
    if left:  # a connection that was lost at the very end may need a turn
        await asyncio.wait(left, timeout=1)
    assert all(task.done() for task in left), left


_running: set[Service] = set()


async def catch_up() -> None:
    """Wait for the runs that earlier tests left under way, and have all services write them down.

    A service that many tests share goes on for a second with the run of a client that left.
    """

    async def under_way() -> int:
        healths = [service.health() for service in _running]
        return sum(health.running + health.queued for health in healths)

    await eventually(under_way, lambda count: count == 0, within_s=40.0)
    for service in _running:
        service.views.catch_up()


# Whose a task is: it inherits that from the task, or the callback, by which it was made.
_owner: ContextVar[Owner | None] = ContextVar("_owner", default=None)
_owners: WeakKeyDictionary[asyncio.Task[Any], Owner] = WeakKeyDictionary()


@contextmanager
def _tasks_belong_to(owner: Owner) -> Iterator[None]:
    token = _owner.set(owner)
    yield
    _owner.reset(token)


def _noted_task(
    loop: asyncio.AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
    **kwargs: Any,
) -> asyncio.Task[Any]:
    task = asyncio.Task(coroutine, loop=loop, **kwargs)
    if (owner := _owner.get()) is not None:
        _owners[task] = owner
    return task
