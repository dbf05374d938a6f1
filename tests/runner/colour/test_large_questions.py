"""Large questions to the traffic light leave the event loop free; the largest are not asked."""

import asyncio
import threading

import pytest

from runner.colour.questions import Colour, ColourFault, NoAnswerError
from runner.colour.traffic_light import QUESTION_BYTES
from runner.threads import in_turn
from tests.runner.colour.scripted import MakeLight, ScriptedEngine, say_red


async def test_a_large_question_is_written_off_the_loop(make_light: MakeLight) -> None:
    """A large question waits for the thread that writes it, and small ones are
    answered meanwhile.
    """
    thread_may_go_on = threading.Event()
    light = make_light(ScriptedEngine(say_red))
    busy = asyncio.create_task(in_turn(thread_may_go_on.wait, 20))
    large = asyncio.create_task(light.colour("x" * 200_000, "", "", "0"))
    small = [await light.colour("x", "", "", "0") for _ in range(3)]
    assert not large.done()
    thread_may_go_on.set()

    assert [*small, await large] == [Colour.RED] * 4
    await busy


@pytest.mark.parametrize("text", ["x" * (QUESTION_BYTES + 1), "é" * (QUESTION_BYTES // 2)])
async def test_a_question_over_the_limit_is_not_asked(make_light: MakeLight, text: str) -> None:
    """However many bytes its characters have, its answer is a fault."""
    engine = ScriptedEngine(say_red)
    light = make_light(engine)

    fault = await light.colour(text, "", "", "0")
    with pytest.raises(NoAnswerError, match="the limit is"):
        await light.hidden(["x"], [text])

    assert isinstance(fault, ColourFault)
    assert fault.class_ == "TooLarge"
    assert [stream.numbers for stream in engine.streams if stream.numbers] == []
