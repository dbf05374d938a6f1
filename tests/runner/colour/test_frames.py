"""The daemon's end of the traffic light, against an evaluator that fails by script."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from pool import ContainerSpec, EngineError, Seen, Started, Supervisor
from runner.colour.questions import BadPatternError, Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.fakes import FakeImages
from tests.reports import Reports, unheard

CALLING = "exception when calling lambda source"
RED = b'{"colour":"red"}'
HASTY_S = -0.9  # with the daemon's margin of a second: 0.1 s for every answer


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


async def refuse(stream: ScriptedStream, number: int) -> None:
    """Do not even take the question."""
    raise EngineError("attach", "broken pipe")


class ScriptedEngine:
    """Containers of a traffic light; each start takes the next response of a script."""

    def __init__(self, *script: Respond | EngineError) -> None:
        self.starts = 0
        self.streams: list[ScriptedStream] = []
        self.removed: list[str] = []
        self.removal = asyncio.Event()
        self.script_ended = asyncio.Event()
        self._script = list(script)

    async def start(self, spec: ContainerSpec) -> Started:
        """A container with the next response, or the next failure."""
        self.starts += 1
        step = self._script.pop(0)
        if not self._script:
            self.script_ended.set()
        if isinstance(step, EngineError):
            raise step
        self.streams.append(ScriptedStream(step))
        name = f"container {len(self.streams)}"
        return Started(name, name, self.streams[-1])

    async def remove(self, container_id: str) -> None:
        """Note it."""
        self.removed.append(container_id)
        self.removal.set()

    async def last_words(self, container_id: str) -> str:
        """As the engine puts it."""
        return "exited (137), out of memory"

    async def list_containers(self, label: str) -> list[Seen]:
        """Not asked here."""
        raise NotImplementedError


MakeLight = Callable[..., TrafficLight]


@pytest.fixture
async def make_light() -> AsyncIterator[MakeLight]:
    """Makes traffic lights on scripted engines, and closes them after the test."""
    lights: list[TrafficLight] = []
    images = FakeImages()
    images.add("ruby")

    def make(
        engine: ScriptedEngine, supervisor: Supervisor | None = None, **limits: float
    ) -> TrafficLight:
        heard = supervisor or unheard()
        lights.append(TrafficLight(engine, images, "ruby", {}, heard, **limits))
        return lights[-1]

    yield make
    for light in lights:
        await light.close()


async def ask(light: TrafficLight) -> Colour | ColourFault:
    """Any question."""
    return await light.colour("source", "stdout", "stderr", "0")


class TestFrames:
    """Answers come in any pieces and order, and each goes to who asked."""

    @pytest.mark.parametrize("size_bytes", [1, 2, 3, 7, 1000])
    async def test_answers_in_pieces(self, make_light: MakeLight, size_bytes: int) -> None:
        """Where a stream is cut says nothing."""

        async def respond(stream: ScriptedStream, number: int) -> None:
            if number < 3:
                return
            said = frame(2, b'{"colour":"amber"}') + frame(3, b'{"colour":"green"}') + frame(1, RED)
            for start in range(0, len(said), size_bytes):
                stream.say(said[start : start + size_bytes])

        light = make_light(ScriptedEngine(respond))

        answers = await asyncio.gather(ask(light), ask(light), ask(light))

        assert list(answers) == [Colour.RED, Colour.AMBER, Colour.GREEN]

    async def test_every_kind_of_answer(self, make_light: MakeLight) -> None:
        """A fault keeps its words; names come by their index; a bad pattern is an error."""
        bodies = [
            '{"context":"c","class":"k","message":"m \u20ac"}'.encode(),
            b'{"hidden":[1]}',
            b'{"bad_pattern":0,"message":"m"}',
        ]

        async def respond(stream: ScriptedStream, number: int) -> None:
            stream.say(frame(number, bodies[number - 1]))

        light = make_light(ScriptedEngine(respond))

        assert await ask(light) == ColourFault("c", "k", "m \u20ac")
        assert await light.hidden(["b"], ["a", "b"]) == {"b"}
        with pytest.raises(BadPatternError, match="m"):
            await light.hidden(["("], ["a"])

    @pytest.mark.parametrize("number", [0, 7])
    async def test_an_answer_to_no_question_is_ignored(
        self, make_light: MakeLight, number: int
    ) -> None:
        """Whoever asked may have gone since."""

        async def respond(stream: ScriptedStream, asked: int) -> None:
            stream.say(frame(number, b'{"colour":"green"}') + frame(asked, RED))

        assert await ask(make_light(ScriptedEngine(respond))) is Colour.RED

    async def test_a_cancelled_question_is_forgotten(self, make_light: MakeLight) -> None:
        """Its late answer is not taken for another's."""

        async def respond(stream: ScriptedStream, number: int) -> None:
            if number == 2:
                stream.say(frame(1, b'{"colour":"green"}') + frame(2, RED))

        engine = ScriptedEngine(respond)
        light = make_light(engine)
        cancelled = asyncio.create_task(ask(light))
        await asyncio.wait([cancelled], timeout=0.05)
        cancelled.cancel()
        await asyncio.wait([cancelled])

        assert await ask(light) is Colour.RED
        assert engine.streams[0].numbers == [1, 2]


class TestFailures:
    """An evaluator that fails is replaced, and asked once more."""

    @pytest.mark.parametrize(
        "response",
        [
            say(b""),
            say(b"1 16\n{"),
            say(b"hello\n"),
            say(b"x" * 100),
            say(b"1 9999999\n"),
            say(b"1 -1\n"),
            say(frame(1, b"not JSON")),
            say(frame(1, b"\xff")),
            say(frame(1, b"[]")),
            say(frame(1, b'{"colour":"blue"}')),
            say(frame(1, b'{"context":"c"}')),
            say_nothing,
            refuse,
        ],
    )
    async def test_a_failure_costs_nobody_an_answer(
        self, make_light: MakeLight, response: Respond
    ) -> None:
        """All open questions are asked again on a new container, and the old one is removed."""
        engine = ScriptedEngine(response, say_red)
        light = make_light(engine, limit_s=HASTY_S)

        answers = await asyncio.gather(ask(light), ask(light))

        assert list(answers) == [Colour.RED, Colour.RED]
        await light.close()
        assert engine.removed == ["container 1", "container 2"]
        assert all(stream.closed for stream in engine.streams)

    async def test_an_unforeseen_error_of_its_reader_costs_nobody_an_answer(
        self, make_light: MakeLight
    ) -> None:
        """The supervisor hears of the error; a new container answers the question that was open."""

        async def stumble(stream: ScriptedStream, number: int) -> None:
            stream.bug = RuntimeError("a bug")
            stream.say(b"")

        reports = Reports()
        engine = ScriptedEngine(stumble, say_red)
        light = make_light(engine, Supervisor(reports))

        assert await ask(light) is Colour.RED

        assert reports.names == ["read traffic light"]
        assert str(reports.errors[0]) == "a bug"
        await light.close()
        assert engine.removed == ["container 1", "container 2"]

    async def test_a_second_failure_is_a_fault(self, make_light: MakeLight) -> None:
        """A question that was asked twice in vain is not asked again; the next one is."""
        engine = ScriptedEngine(say_nothing, say(b"hello\n"), say_red)
        light = make_light(engine, limit_s=HASTY_S)

        failed, following = await ask(light), await ask(light)

        assert isinstance(failed, ColourFault)
        assert (failed.context, failed.class_) == (CALLING, "EvaluatorError")
        assert "the evaluator failed twice" in failed.message
        assert "hello" in failed.message
        assert following is Colour.RED

    async def test_one_that_never_answered_is_not_replaced_unasked(
        self, make_light: MakeLight
    ) -> None:
        """What fails at once is not started again and again."""
        engine = ScriptedEngine(say_red)
        light = make_light(engine)
        light.start()
        async with asyncio.timeout(5):
            await engine.script_ended.wait()

        engine.streams[0].say(b"")

        async with asyncio.timeout(5):
            await engine.removal.wait()
        assert engine.starts == 1

    async def test_one_that_answered_is_replaced_unasked(self, make_light: MakeLight) -> None:
        """The next question need not wait for the start."""
        engine = ScriptedEngine(say_red, say_red)
        light = make_light(engine)
        await ask(light)

        engine.streams[0].say(b"")

        async with asyncio.timeout(5):
            await engine.script_ended.wait()
        assert engine.starts == 2

    async def test_a_failed_start_is_not_tried_again_at_once(self, make_light: MakeLight) -> None:
        """Questions get the engine's words, and the engine is left in peace for a while."""
        engine = ScriptedEngine(EngineError("create", "no space left on device", status=500))
        light = make_light(engine)

        answers = [await ask(light) for _ in range(3)]

        assert engine.starts == 1
        for answer in answers:
            assert isinstance(answer, ColourFault)
            assert (answer.context, answer.class_) == (CALLING, "EngineError")
            assert "no space left on device" in answer.message

    async def test_a_failed_start_is_tried_again_later(self, make_light: MakeLight) -> None:
        """Once the back-off is over the next question starts a container."""
        engine = ScriptedEngine(EngineError("create", "no space left on device"), say_red)
        light = make_light(engine, back_off_s=0)

        failed, answered = await ask(light), await ask(light)

        assert isinstance(failed, ColourFault)
        assert answered is Colour.RED

    async def test_a_failed_start_is_tried_again_unasked(self, make_light: MakeLight) -> None:
        """So that the next question, whenever it comes, finds a container that waits."""
        engine = ScriptedEngine(EngineError("create", "no space left on device"), say_red)
        light = make_light(engine, back_off_s=0.01)

        light.start()

        async with asyncio.timeout(5):
            await engine.script_ended.wait()
        assert await ask(light) is Colour.RED
        assert engine.starts == 2
