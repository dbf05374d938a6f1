"""One evaluator is kept running, whatever becomes of it, and whether or not anybody asks."""

import asyncio
from typing import Any

import pytest

from pool import EngineError
from runner.colour.questions import Colour, ColourFault
from runner.colour.traffic_light import TrafficLight
from tests.fakes import FakeImages
from tests.runner.colour.scripted import MakeLight, ScriptedEngine, die, say_nothing, say_red
from tests.runner.colour.support import CALLING
from tests.waiting import eventually

NEVER_S = 1000.0  # a pause that no test waits for
FULL = EngineError("create", "no space left on device", status=500)


async def ask(light: TrafficLight) -> Colour | ColourFault:
    """Ask a question."""
    return await light.colour("source", "stdout", "stderr", "0")


async def started(engine: ScriptedEngine, number: int) -> None:
    """Wait until so many starts were asked for."""

    async def starts() -> int:
        return engine.starts

    await eventually(starts, lambda starts: starts >= number)


async def turns() -> None:
    """Let all tasks go on that can."""
    for _ in range(20):
        await asyncio.sleep(0)


class TestLost:
    """An evaluator that ends is replaced."""

    async def test_one_that_answered_is_replaced_at_once(self, make_light: MakeLight) -> None:
        """The next question need not wait for the start."""
        engine = ScriptedEngine(say_red, say_red)
        light = make_light(engine, back_off_s=NEVER_S)
        await ask(light)

        engine.streams[0].say(b"")

        await started(engine, 2)
        assert await ask(light) is Colour.RED
        assert engine.starts == 2

    async def test_one_that_never_answered_is_replaced_after_a_pause(
        self, make_light: MakeLight
    ) -> None:
        """An evaluator that fails at once is started again after a pause only."""
        engine = ScriptedEngine(die, say_red)
        light = make_light(engine, back_off_s=NEVER_S)
        light.start()

        async with asyncio.timeout(5):
            await engine.removal.wait()
        await turns()

        assert engine.starts == 1

    async def test_a_question_ends_that_pause(self, make_light: MakeLight) -> None:
        """A question ends the pause after a failure, because a run waits for its colour."""
        engine = ScriptedEngine(die, say_red)
        light = make_light(engine, back_off_s=NEVER_S)
        light.start()
        async with asyncio.timeout(5):
            await engine.removal.wait()

        assert await ask(light) is Colour.RED

    async def test_one_that_ends_at_each_start_is_started_for_ever(
        self, make_light: MakeLight
    ) -> None:
        """An evaluator that ends at each start is started again without a question,
        until one stays.
        """
        engine = ScriptedEngine(*[die] * 8, say_red)
        light = make_light(engine, back_off_s=0.001)
        light.start()

        async with asyncio.timeout(5):
            await engine.script_ended.wait()

        assert await ask(light) is Colour.RED
        assert engine.starts == 9


class TestFailedStarts:
    """A start that fails is tried again."""

    async def test_the_engine_is_left_in_peace_for_a_while(self, make_light: MakeLight) -> None:
        """Between two starts a question is answered with the engine's words."""
        engine = ScriptedEngine(FULL)
        light = make_light(engine, back_off_s=NEVER_S)

        answers = [await ask(light) for _ in range(3)]

        assert engine.starts == 1
        for answer in answers:
            assert isinstance(answer, ColourFault)
            assert (answer.context, answer.class_) == (CALLING, "EngineError")
            assert "no space left on device" in answer.message

    async def test_a_question_tries_again_when_the_first_pause_is_over(
        self, make_light: MakeLight
    ) -> None:
        """A question tries a start again once the first pause is over, however long
        later pauses are.
        """
        engine = ScriptedEngine(*[FULL] * 6, say_red)
        light = make_light(engine, back_off_s=0.05)
        light.start()
        await started(engine, 6)  # the next pause is 1.6 s

        async def colour() -> Colour | ColourFault:
            return await ask(light)

        await eventually(colour, lambda answer: answer is Colour.RED, within_s=1.0)

    async def test_it_is_tried_again_without_a_question(self, make_light: MakeLight) -> None:
        """After a failure a start is tried again without a question, so the next
        question finds a container.
        """
        engine = ScriptedEngine(FULL, FULL, FULL, say_red)
        light = make_light(engine, back_off_s=0.001)
        light.start()

        async with asyncio.timeout(5):
            await engine.script_ended.wait()

        assert await ask(light) is Colour.RED
        assert engine.starts == 4

    async def test_an_engine_that_restarts_twice(self, make_light: MakeLight) -> None:
        """Each time the start begins as soon as the engine is said to be back."""
        engine = ScriptedEngine(say_red, FULL, say_red, FULL, say_red)
        light = make_light(engine, back_off_s=NEVER_S)

        for restart in range(2):
            assert await ask(light) is Colour.RED
            engine.streams[restart].say(b"")
            await started(engine, 2 * restart + 2)
            await turns()
            assert isinstance(await ask(light), ColourFault)
            light.try_now()
            await started(engine, 2 * restart + 3)

        assert await ask(light) is Colour.RED
        assert engine.starts == 5

    async def test_an_engine_that_is_back_during_a_start(self, make_light: MakeLight) -> None:
        """The start that was under way may have come too early, so there is another at once."""
        engine = ScriptedEngine(FULL, say_red)
        engine.may_start.clear()
        light = make_light(engine, back_off_s=NEVER_S)
        light.start()
        await started(engine, 1)

        light.try_now()
        engine.may_start.set()

        await started(engine, 2)
        assert await ask(light) is Colour.RED

    async def test_an_image_that_comes_later(
        self, make_light: MakeLight, logs: list[dict[str, Any]]
    ) -> None:
        """The log has it once that the image is missing; when images change it is looked for."""
        engine, images = ScriptedEngine(say_red), FakeImages()
        light = make_light(engine, images=images, back_off_s=0.001)
        light.start()

        async def said() -> list[dict[str, Any]]:
            light.try_now()
            return [event for event in logs if "No such image" in event["message"]]

        for _ in range(3):
            assert len(await eventually(said)) == 1
        answer = await ask(light)
        assert isinstance(answer, ColourFault)
        assert "No such image: ruby" in answer.message

        images.add("ruby")
        light.try_now()

        await started(engine, 1)
        assert await ask(light) is Colour.RED
        assert len(await said()) == 1


class TestWaiting:
    """Those who wait for an evaluator, and the end of all."""

    async def test_who_leaves_takes_nobody_along(self, make_light: MakeLight) -> None:
        """A start goes on for others when one who waited for it is cancelled."""
        engine = ScriptedEngine(say_red)
        engine.may_start.clear()
        light = make_light(engine)
        first, second = (asyncio.create_task(ask(light)) for _ in range(2))
        await started(engine, 1)

        first.cancel()
        await asyncio.wait([first])
        engine.may_start.set()

        assert await second is Colour.RED
        assert engine.starts == 1

    @pytest.mark.parametrize("step", [say_nothing, die, FULL])
    @pytest.mark.parametrize("is_starting", [True, False])
    async def test_close_ends_everything(
        self, make_light: MakeLight, step: Any, is_starting: bool
    ) -> None:
        """Whatever it was at, no task is left, all containers go, and there are no more starts."""
        before = asyncio.all_tasks()
        engine = ScriptedEngine(step)
        if is_starting:
            engine.may_start.clear()
        light = make_light(engine, back_off_s=NEVER_S)
        light.start()
        waiting = asyncio.create_task(ask(light))
        await started(engine, 1)
        await turns()

        await light.close()
        await light.close()
        light.start()
        light.try_now()

        assert isinstance(await waiting, ColourFault)
        closed = await ask(light)
        assert isinstance(closed, ColourFault)
        assert closed.class_ == "Closed"
        assert asyncio.all_tasks() <= before | {waiting}
        assert len(engine.removed) == len(engine.streams)

    async def test_an_answer_is_worth_more_than_a_long_life(self, make_light: MakeLight) -> None:
        """An evaluator that has answered a question is replaced at once, again and again."""
        engine = ScriptedEngine(*[say_red] * 5)
        light = make_light(engine, back_off_s=NEVER_S)

        for number in range(4):
            assert await ask(light) is Colour.RED
            engine.streams[number].say(b"")
            await started(engine, number + 2)

        assert await ask(light) is Colour.RED
