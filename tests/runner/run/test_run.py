"""The story of one run: what bounds it, whatever its parts do."""

import asyncio

import pytest

from runner.colour.questions import BadPatternError
from runner.container.answer import LARGE_ANSWER_BYTES
from runner.kata import Code, Kata, Outcome, RunResult
from runner.run.admission import BusyError
from runner.run.patience import ClientGoneError, Patience
from runner.run.record import ABANDONED
from runner.run.run import LARGE_AT_ONCE
from tests.conftest import FAKE_IMAGE
from tests.fakes import FakeEngine, archive, framed
from tests.runner.http.support import until
from tests.runner.run.support import ScriptedJudge, stage

LARGE = archive({"sandbox/large": bytes(2 * LARGE_ANSWER_BYTES)})
SMALL = archive({".dojo/status": b"0   "})


@pytest.fixture
async def engine() -> FakeEngine:
    """An engine whose containers answer at once."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: framed(kata, SMALL)
    return engine


async def test_what_stalls_without_a_deadline_of_its_own_ends_with_the_run(
    engine: FakeEngine,
) -> None:
    """A judge that never judges makes the run faulty, a moment after the budget is over."""
    async with stage(engine, budget_s=1.5) as on_stage:
        result = await on_stage.run()

    assert (result.outcome, result.status) == (Outcome.FAULTY, Code.MACHINERY_FAILED)
    assert result.log["reason"] == "the answer was not judged in time"
    assert [run.outcome for run in on_stage.ended] == ["faulty"]


class NoPattern(ScriptedJudge):
    """Finds that one of the kata's patterns is none."""

    async def result(self, *_parts: object) -> RunResult:
        """Raises BadPatternError."""
        raise BadPatternError(1, "target of repeat operator is not specified")


async def test_a_run_that_is_refused_for_its_pattern_has_a_record(engine: FakeEngine) -> None:
    """Only Ruby can tell, after the program has run: operators see such a run like any other."""
    async with stage(engine, budget_s=20, judge=NoPattern()) as on_stage:
        with pytest.raises(BadPatternError):
            await on_stage.run()

    (run,) = on_stage.ended
    assert (run.outcome, run.status) == ("faulty", "")
    assert run.reason == "hidden_filenames.1: target of repeat operator is not specified"
    assert "run" in run.phases_s


async def test_a_turn_that_does_not_come_is_refused_in_time(engine: FakeEngine) -> None:
    """The second run hears that no place became free, and holds none afterwards."""
    async with stage(engine, budget_s=1.5, places=1) as on_stage:
        first = asyncio.create_task(on_stage.run())
        await until(lambda: bool(on_stage.judge.at_work))
        second = asyncio.create_task(on_stage.run())
        loop = asyncio.get_running_loop()
        loop.call_later(2.0, on_stage.judge.may_judge.set)

        with pytest.raises(BusyError, match="no place became free"):
            await second
        assert (await first).outcome is Outcome.GREEN
        assert (on_stage.admission.running, on_stage.admission.waiting) == (0, 0)


@pytest.mark.parametrize(("archives", "at_once"), [(LARGE, LARGE_AT_ONCE), (SMALL, 3)])
async def test_one_large_answer_is_read_at_a_time(
    engine: FakeEngine, archives: bytes, at_once: int
) -> None:
    """Others wait unread in their containers until it is judged; small ones do not wait."""
    engine.kata.answer = lambda kata: framed(kata, archives)
    async with stage(engine, budget_s=20) as on_stage:
        runs = [asyncio.create_task(on_stage.run()) for _ in range(3)]
        done, _ = await asyncio.wait(runs, timeout=0.5)
        assert not done
        at_work = on_stage.judge.at_work
        on_stage.judge.may_judge.set()
        results = await asyncio.gather(*runs)

    assert (at_work, on_stage.judge.most_at_work) == (at_once, at_once)
    assert {result.outcome for result in results} == {Outcome.GREEN}


async def test_a_run_that_has_ended_leaves_a_record_of_what_became_of_it(
    engine: FakeEngine,
) -> None:
    """Operators learn of its image, its outcome, its container and the seconds of each phase."""
    async with stage(engine, budget_s=20) as on_stage:
        on_stage.judge.may_judge.set()
        await on_stage.run()

    (run,) = on_stage.ended
    assert (run.kata_id, run.image, run.is_here) == ("id", FAKE_IMAGE, True)
    assert (run.outcome, run.status, run.reason) == ("green", "0", "")
    assert (run.hit, run.kind) == (False, "single use")
    assert run.container
    assert set(run.phases_s) == {"queue", "lease", "run", "harvest"}
    assert sum(run.phases_s.values()) <= run.took_s


async def test_a_run_of_an_image_that_is_not_here_got_no_container(engine: FakeEngine) -> None:
    """The record of a run whose image is not here names the image, and says that the
    name may be made up.
    """
    async with stage(engine, budget_s=20) as on_stage, Patience() as patience:
        kata = Kata("id", "made-up", 1.0, {"cyber-dojo.sh": "true"})
        await on_stage.runner.run(kata, patience)

    (run,) = on_stage.ended
    assert (run.image, run.is_here, run.outcome) == ("made-up:latest", False, "pulling")
    assert (run.hit, run.kind, run.container) == (None, "", "")


async def test_a_run_whose_client_has_left_is_recorded_as_abandoned(engine: FakeEngine) -> None:
    """The record of an abandoned run names the reason, and the phases that the run got through."""
    async with stage(engine, budget_s=20) as on_stage:
        patience = Patience(runs_on_s=0.0)
        on_stage.judge.may_judge.clear()
        running = asyncio.create_task(on_stage.run(patience))
        await until(lambda: bool(on_stage.judge.at_work))
        patience.client_left()
        with pytest.raises(ClientGoneError):
            await running

    (run,) = on_stage.ended
    assert (run.outcome, run.reason) == (ABANDONED, "client gone")
    assert set(run.phases_s) == {"queue", "lease", "run"}
