"""An evaluator that answers by script, and the engine that it runs on."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from pool import ContainerSpec, EngineError, Seen, Started
from runner.colour.traffic_light import TrafficLight

RED = b'{"colour":"red"}'


def frame(number: int, body: bytes) -> bytes:
    """One answer, as the evaluator writes it."""
    return b"%d %d\n%s" % (number, len(body), body)


class ScriptedStream:
    """A stream whose answers the test gives."""

    complaints = "it complained"

    def __init__(self, respond: "Respond") -> None:
        self.bug: Exception | None = None
        self.numbers: list[int] = []
        self.closed = False
        self._respond = respond
        self._said: asyncio.Queue[bytes] = asyncio.Queue()

    @property
    def ended(self) -> bool:
        """Not asked here."""
        raise NotImplementedError

    def on_end(self, callback: Callable[[], None]) -> None:
        """Not asked here."""
        raise NotImplementedError

    async def write(self, data: bytes) -> None:
        """Note the question's number, and let the test answer."""
        header = re.match(rb"(\d+) (colour|hidden) (\d+)\n", data)
        assert header is not None
        assert len(data) == header.end() + int(header[3])
        self.numbers.append(int(header[1]))
        await self._respond(self, int(header[1]))

    def say(self, data: bytes) -> None:
        """What comes over stdout next; b"" ends the stream."""
        self._said.put_nowait(data)

    async def read(self) -> bytes:
        """The next that the test says; raises `bug`, if there is one, instead."""
        said = await self._said.get()
        if self.bug is not None:
            raise self.bug
        return said

    async def close(self) -> None:
        """Note it."""
        self.closed = True


Respond = Callable[[ScriptedStream, int], Awaitable[None]]


async def say_nothing(stream: ScriptedStream, number: int) -> None:
    """Respond by silence."""


async def say_red(stream: ScriptedStream, number: int) -> None:
    """Respond as if all were well."""
    stream.say(frame(number, RED))


def say(data: bytes) -> Respond:
    """Respond by these bytes."""

    async def respond(stream: ScriptedStream, number: int) -> None:
        stream.say(data)

    return respond


async def die(stream: ScriptedStream, number: int) -> None:
    """Not even asked: such a container ends as soon as it has started."""


async def refuse(stream: ScriptedStream, number: int) -> None:
    """Do not even take the question."""
    raise EngineError("attach", "broken pipe")


class ScriptedEngine:
    """Containers of a traffic light; each start takes the next step of a script.

    Clear `may_start` to keep starts waiting.
    """

    def __init__(self, *script: Respond | EngineError) -> None:
        self.starts = 0
        self.streams: list[ScriptedStream] = []
        self.removed: list[str] = []
        self.removal = asyncio.Event()
        self.script_ended = asyncio.Event()
        self.may_start = asyncio.Event()
        self.may_start.set()
        self._script = list(script)

    async def start(self, spec: ContainerSpec) -> Started:
        """A container with the next response, or the next failure."""
        self.starts += 1
        await self.may_start.wait()
        step = self._script.pop(0) if self._script else EngineError("start", "end of script")
        if not self._script:
            self.script_ended.set()
        if isinstance(step, EngineError):
            raise step
        self.streams.append(ScriptedStream(step))
        if step is die:
            self.streams[-1].say(b"")
        name = f"container {len(self.streams)}"
        return Started(name, name, self.streams[-1])

    async def remove(self, container_id: str) -> None:
        """Note it."""
        self.removed.append(container_id)
        self.removal.set()

    async def output(self, spec: ContainerSpec, limit_bytes: int, limit_s: float) -> bytes:
        """Not used, as nobody surveys an image of Ruby's."""
        raise NotImplementedError

    async def last_words(self, container_id: str) -> str:
        """The words of an engine."""
        return "exited (137), out of memory"

    async def list_containers(self, label: str) -> list[Seen]:
        """Not asked here."""
        raise NotImplementedError

    def works_on(self, seen: Seen) -> bool:
        """Not asked here."""
        raise NotImplementedError


MakeLight = Callable[..., TrafficLight]
