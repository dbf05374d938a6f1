"""The daemon's end of the traffic light, against an evaluator that fails by script."""

import asyncio

import pytest

from pool import Supervisor
from runner.colour import traffic_light
from runner.colour.questions import BadPatternError, Colour, ColourFault, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from tests.reports import Reports
from tests.runner.colour.scripted import (
    RED,
    MakeLight,
    Respond,
    ScriptedEngine,
    ScriptedStream,
    frame,
    refuse,
    say,
    say_nothing,
    say_red,
)

CALLING = "exception when calling lambda source"
HASTY_S = -0.9  # with the daemon's margin of a second: 0.1 s for every answer


async def ask(light: TrafficLight) -> Colour | ColourFault:
    """The answer to any question."""
    return await light.colour("source", "stdout", "stderr", "0")


class TestFrames:
    """Answers come in any pieces and order, and each goes to the question that it belongs to."""

    @pytest.mark.parametrize("size_bytes", [1, 2, 3, 7, 1000])
    async def test_answers_in_pieces(self, make_light: MakeLight, size_bytes: int) -> None:
        """Answers that are cut anywhere go to their questions all the same."""

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
        """An answer to a question that nobody asks any more does no harm."""

        async def respond(stream: ScriptedStream, asked: int) -> None:
            stream.say(frame(number, b'{"colour":"green"}') + frame(asked, RED))

        assert await ask(make_light(ScriptedEngine(respond))) is Colour.RED

    @pytest.mark.parametrize("indexes", ["[2]", "[0,0]", "[0,1,2]"])
    async def test_indexes_of_no_name_hide_nothing(
        self, make_light: MakeLight, indexes: str
    ) -> None:
        """An answer that names no names of the question's is none."""

        async def respond(stream: ScriptedStream, number: int) -> None:
            stream.say(frame(number, b'{"hidden":%s}' % indexes.encode()))

        with pytest.raises(NoAnswerError, match="an index of no name"):
            await make_light(ScriptedEngine(respond)).hidden(["x"], ["a", "b"])

    async def test_only_the_first_answer_to_a_question_counts(self, make_light: MakeLight) -> None:
        """Only the first answer to a question counts; another one is dropped."""

        async def respond(stream: ScriptedStream, number: int) -> None:
            stream.say(frame(number, RED) + frame(number, b'{"colour":"green"}'))

        light = make_light(ScriptedEngine(respond))

        assert [await ask(light), await ask(light)] == [Colour.RED, Colour.RED]

    @pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
    async def test_text_that_is_no_text_is_asked_all_the_same(
        self, make_light: MakeLight, text: str
    ) -> None:
        """Halves of a surrogate pair, which JSON can hold, are question marks to a lambda."""
        light = make_light(ScriptedEngine(say_red))

        assert await light.colour(text, text, text, text) is Colour.RED

    async def test_a_cancelled_question_is_forgotten(self, make_light: MakeLight) -> None:
        """The late answer to a cancelled question is not taken for another's."""

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
            say(frame(1, b'{"hidden":[0]}')),
            say(frame(1, b'{"hidden":[true]}')),
            say(frame(1, b'{"bad_pattern":0,"message":"m"}')),
            say(frame(1, b'{"bad_pattern":"0","message":"m"}')),
            say(frame(1, b'{"context":"c","class":"k","message":"\\ud800"}')),
            say(frame(1, b'{"context":"c","class":"k","message":"%s"}' % (b"m" * 5000))),
            say(frame(1, b"[" * 100_000)),
            say(frame(1, b"9" * 100_000)),
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

    async def test_a_question_has_a_deadline_in_all(
        self, make_light: MakeLight, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A question's deadline holds also while the container that is to answer it
        does not start.
        """
        monkeypatch.setattr(traffic_light, "QUESTION_S", 0.1)
        engine = ScriptedEngine(say_red)
        engine.may_start.clear()

        fault = await ask(make_light(engine))

        assert fault == ColourFault(CALLING, "Timeout", "no answer within 0.1 s")
