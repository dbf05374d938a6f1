"""Two questions are asked at the same time: which files are returned, and which colour it is."""

import asyncio
from collections.abc import Sequence

import pytest

from runner.colour.questions import BadPatternError, Colour
from runner.container.profile import Home, ImageProfile
from runner.kata import Kata
from runner.run.conversation import Answer
from runner.run.judge import Judge
from tests.fakes import archive
from tests.runner.katas import ByStatus

PROFILE = ImageProfile("sha256:1", Home.TMPFS, None)
KATA = Kata("id", "image", 5.0, {"a": "b"}, "lambda", ("(",))
ANSWER = Answer(
    archive({".dojo/stdout": b"", ".dojo/stderr": b"", ".dojo/status": b"0", "sandbox/new": b"x"}),
    5.0,
)


class Endless(ByStatus):
    """A traffic light that tells no colour, and for which no pattern is one."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = 0

    async def colour(self, source: str, stdout: str, stderr: str, status: str) -> Colour:
        """Never."""
        self.at_work += 1
        try:
            await asyncio.Event().wait()
        finally:
            self.at_work -= 1
        raise AssertionError

    async def hidden(self, patterns: Sequence[str], names: Sequence[str]) -> frozenset[str]:
        """Raises BadPatternError, once a colour is asked for."""
        while not self.at_work:  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
            await asyncio.sleep(0)
        raise BadPatternError(0, "end pattern with unmatched parenthesis")


async def test_a_bad_pattern_ends_the_question_for_the_colour() -> None:
    """A bad pattern ends the question for the colour, which would hold a place of
    the traffic light.
    """
    light, before = Endless(), asyncio.all_tasks()
    until_s = asyncio.get_running_loop().time() + 20

    with pytest.raises(BadPatternError, match="unmatched parenthesis"):
        await Judge(light).result(KATA, PROFILE, ANSWER, until_s)

    assert light.at_work == 0
    assert asyncio.all_tasks() <= before


async def test_a_run_that_is_given_up_ends_both_questions() -> None:
    """A client may leave while its answer is judged."""
    light = Endless()
    kata = Kata("id", "image", 5.0, {"a": "b"}, "lambda")
    until_s = asyncio.get_running_loop().time() + 20
    judging = asyncio.create_task(Judge(light).result(kata, PROFILE, ANSWER, until_s))
    while not light.at_work:  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)

    judging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await judging

    assert light.at_work == 0
