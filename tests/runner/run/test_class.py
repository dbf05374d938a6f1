"""A class that presses [test] at once: how long its learners wait, in virtual time.

A program of a test's is its kata's id: `5` takes five seconds, and `endless` never ends. It prints
a line when it begins, and a container takes START_S to get ready.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest

from bench.simulator import virtual_time
from pool import ContainerSpec
from runner.cells.lockdown import cell_spec_of
from runner.kata import Kata, Outcome, RunResult
from runner.run.admission import BusyError
from runner.run.judge import Judge
from runner.run.patience import Patience
from tests.conftest import FAKE_IMAGE
from tests.fakes import FakeEngine, FakeStream, archive, framed, read_kata
from tests.fakes.launcher import FakeLauncher
from tests.runner.katas import ByStatus
from tests.runner.run.support import Stage, stage

START_S = 0.5
BUDGET_S = 25.0
ENDLESS = "endless"


def _in_cells(spec: ContainerSpec) -> ContainerSpec:
    return replace(cell_spec_of(spec, "launcher"), most_runs=500)


KINDS: dict[str, Callable[[ContainerSpec], ContainerSpec]] = {
    "single use": lambda spec: spec,
    "cells": _in_cells,
}

_BEGUN = archive({".dojo/stdout": b"begun\n", ".dojo/stderr": b"", ".dojo/status": b"0"})


async def _program(spec: ContainerSpec, stream: FakeStream) -> None:
    """A container's program."""
    await asyncio.sleep(START_S)
    stream.say(b"dojo-runner: ready\n")
    try:
        await stream.stdin.readexactly(len(spec.prelude))
        kata = await read_kata(stream.stdin, in_cell=spec.command[0] != "bash")
    except asyncio.IncompleteReadError:
        return
    takes_s = float("inf") if kata.kata_id == ENDLESS else float(kata.kata_id)
    await asyncio.sleep(min(takes_s, kata.limit_s))
    stream.say(framed(kata, _BEGUN, "done" if takes_s <= kata.limit_s else "timed_out"))


@dataclass(frozen=True)
class Pressed:
    """What a learner got, and after how many seconds; None: the run was refused."""

    result: RunResult | None
    after_s: float

    @property
    def outcome(self) -> str:
        """The outcome of a run, in one word."""
        return "refused" if self.result is None else self.result.outcome.value


async def _press(on_stage: Stage, program: str, max_seconds: float) -> Pressed:
    now_s = asyncio.get_running_loop().time
    began_s = now_s()
    kata = Kata(program, FAKE_IMAGE, max_seconds, {"cyber-dojo.sh": ""}, rag_lambda="by status")
    try:
        async with Patience() as patience:
            result = await on_stage.runner.run(kata, patience)
    except BusyError:
        return Pressed(None, now_s() - began_s)
    return Pressed(result, now_s() - began_s)


async def _lesson(
    kind: str, max_seconds: float, places: int, presses: Sequence[Sequence[str]]
) -> list[list[Pressed]]:
    engine = FakeEngine()
    engine.containers.programs |= {"bash": _program, "/.dojo/cells": FakeLauncher(_program)}
    async with stage(
        engine,
        budget_s=BUDGET_S,
        places=places,
        queue=60,
        judge=Judge(ByStatus()),
        spec_of_kind=KINDS[kind],
    ) as on_stage:
        return [
            await asyncio.gather(*(_press(on_stage, one, max_seconds) for one in programs))
            for programs in presses
        ]


def lesson(
    kind: str, max_seconds: float, *presses: Sequence[str], places: int = 3
) -> list[list[Pressed]]:
    """What learners get who press at once, and then, when all have their answers, once more."""
    return virtual_time.run(_lesson(kind, max_seconds, places, presses), seed=1)


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of container."""
    return str(request.param)


@pytest.mark.parametrize(("learners", "max_seconds"), [(16, 15), (8, 20), (30, 20)])
def test_a_class_is_served_however_long_its_kata_may_take(
    kind: str, learners: int, max_seconds: float
) -> None:
    """Runs of a second are all answered, as the time that they may take keeps nobody waiting."""
    (pressed,) = lesson(kind, max_seconds, ["1"] * learners)

    assert Counter(one.outcome for one in pressed) == {"green": learners}


def test_what_truly_cannot_be_served_is_refused(kind: str) -> None:
    """Of runs of ten seconds two rounds fit into the budget, and nobody else is let in to fail."""
    _, pressed = lesson(kind, 20, ["10"] * 3, ["10"] * 12)

    assert Counter(one.outcome for one in pressed) == {"green": 6, "refused": 6}
    # As soon as it is sure: ten seconds before the end, at the time for which the last would do.
    assert max(one.after_s for one in pressed if one.result is None) < BUDGET_S - 10 + 0.01


def test_one_slow_run_keeps_no_class_from_its_places(kind: str) -> None:
    """What an image usually takes is what most of its runs take."""
    _, pressed = lesson(kind, 20, ["18", "1", "1"], ["1"] * 40)

    assert Counter(one.outcome for one in pressed) == {"green": 40}


def test_endless_programs_of_others_leave_time_for_quick_ones(kind: str) -> None:
    """Endless programs end at their limit.

    Runs that waited for all of it are served in what is left.
    """
    _, pressed = lesson(kind, 20, ["1"] * 3, [*[ENDLESS] * 3, *["1"] * 3])

    assert [one.outcome for one in pressed] == ["timed_out"] * 3 + ["green"] * 3


@pytest.mark.parametrize("learners", [4, 8, 60])
@pytest.mark.parametrize("before", [[], ["1"] * 3, ["12"] * 3])
def test_endless_programs_end_in_time_whatever_the_queue(
    kind: str, learners: int, before: list[str]
) -> None:
    """Each answer comes within the budget, has what was printed, and says what time there was."""
    *_, pressed = lesson(kind, 20, before, [ENDLESS] * learners)

    assert {one.outcome for one in pressed} <= {"timed_out", "refused"}
    assert max(one.after_s for one in pressed) < BUDGET_S + 1
    for one in pressed:
        if one.result is not None:
            assert one.result.stdout.content == "begun\n"
            assert str(one.result.log["reason"]).startswith("stopped after ")


def test_endless_runs_do_not_teach_that_runs_are_long(kind: str) -> None:
    """Runs that were stopped say nothing of what runs usually take."""
    *_, pressed = lesson(kind, 20, [ENDLESS] * 3, [ENDLESS] * 3, ["1"] * 24)

    assert Counter(one.outcome for one in pressed) == {"green": 24}


def test_a_limit_that_was_cut_is_said(kind: str) -> None:
    """A program that waited gets what the budget leaves, and a reason that names both times."""
    _, pressed = lesson(kind, 20, ["1"], ["8", ENDLESS], places=1)

    late = pressed[1].result
    assert late is not None
    assert (late.outcome, late.stdout.content) == (Outcome.TIMED_OUT, "begun\n")
    assert " s of 20 s: the rest had gone by" in str(late.log["reason"])
    assert pressed[1].after_s < BUDGET_S
