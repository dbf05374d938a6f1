"""How long a run may take, and what is left of one that took longer."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest

from runner.settings import Reuse
from tests.conftest import ServeDocker, ServeFake
from tests.fakes import FakeEngine
from tests.hosts import slowness
from tests.runner.http.support import Events, text, until
from tests.serving import Served
from tests.waiting import eventually


async def test_a_time_out_keeps_what_was_printed(http: Served, logs: Events) -> None:
    """The status is 142; partial output is returned, that of traps, too; there are no files,
    but a reason.
    """
    result = await http.run(
        "trap 'echo trapped' TERM; trap 'echo left >&2' EXIT; echo begun; echo x > new.txt\n"
        "sleep 30 & wait; exit",
        max_seconds=1,
    )

    assert result == {
        "stdout": text("begun\ntrapped\n"),
        "stderr": text("left\n"),
        "status": "142",
        "outcome": "timed_out",
        "log": {"reason": "stopped after 1 s"},
        "created": {},
        "changed": {},
    }
    (event,) = [event for event in logs if event["level"] == "WARNING"]
    assert (event["kata_id"], event["image"], event["reason"]) == (
        "aBc123",
        http.image,
        "stopped after 1 s",
    )


async def test_a_start_is_not_billed_to_the_learner(serve_fake: ServeFake) -> None:
    """The clock starts when the files are handed over: a late container takes no time away."""
    engine = FakeEngine()
    engine.containers.hold()
    async with serve_fake(engine) as http:
        running = asyncio.create_task(http.run("sleep 0.5", max_seconds=1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 1.0)
        engine.containers.release()

        assert (await running)["outcome"] == "green"


async def test_a_run_ends_within_its_budget(serve_fake: ServeFake) -> None:
    """A container that never gets ready makes the run faulty, before a browser gives up."""
    engine = FakeEngine()
    engine.containers.hold()
    async with serve_fake(engine, budget_s=2) as http:
        result = await http.run()
        engine.containers.release()

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert result["log"]["reason"] == "no container was ready in time"


async def test_a_silent_container_is_a_time_out(serve_fake: ServeFake) -> None:
    """A run whose container answers nothing at all is broken off within the budget."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with serve_fake(engine, budget_s=2) as http:
        result = await http.run(max_seconds=1)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert "the container was killed" in result["log"]["reason"]


def skip_where_slow(start_s: float, starts: int, within_s: float) -> None:
    """Skip the test on a host that cannot start so many containers within that time."""
    if reason := slowness(start_s, starts, within_s):
        pytest.skip(reason)


@pytest.fixture
def each_start_s(http: Served, request: pytest.FixtureRequest) -> float:
    """How long the start of a run's own container takes; no time where runs have none."""
    has_its_own = http.fake is None and http.settings.reuse == Reuse.NEVER
    return request.getfixturevalue("start_s") if has_its_own else 0.0


@pytest.mark.parametrize(("learners", "max_seconds"), [(16, 15), (8, 20)])
async def test_a_class_is_served_however_long_its_kata_may_take(
    http: Served, learners: int, max_seconds: float, each_start_s: float
) -> None:
    """Learners who press at once are all answered when their runs take a second."""
    skip_where_slow(each_start_s, learners, http.settings.budget_s)
    results = await asyncio.gather(
        *(http.run("sleep 1", max_seconds=max_seconds) for _ in range(learners))
    )

    assert Counter(one["outcome"] for one in results) == {"green": learners}


# A service that starts has four containers on their way before the run's own is ready: two for
# colours, one for the trial of cells, and that one.
STARTS_AT_FIRST = 4
ENDLESS = "trap 'echo trapped; exit' TERM; echo begun; while :; do sleep 0.05; done"


@pytest.mark.docker
@pytest.mark.parametrize("reuse", [Reuse.NEVER, Reuse.CELLS])
async def test_a_cold_start_keeps_the_partial_output(
    serve_docker: ServeDocker, reuse: Reuse, start_s: float
) -> None:
    """A program that may take more than the budget is stopped early enough for its output."""
    skip_where_slow(start_s, STARTS_AT_FIRST, 7)
    async with serve_docker(reuse, warm=0, warm_images=(), budget_s=7) as http:
        await http.until_ready()
        result = await http.run(ENDLESS, max_seconds=20)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert result["stdout"] == text("begun\ntrapped\n")
    assert " s of 20 s: the rest had gone by" in result["log"]["reason"]


async def pool_of(http: Served) -> Mapping[str, Any]:
    """How many containers of the image are in which state."""
    pool: Mapping[str, Any] = (
        http.service.health().as_json()["images"].get(http.image, {"warm": 0, "starting": 0})
    )
    return pool


@pytest.mark.docker
@pytest.mark.parametrize(
    ("reuse", "budget_s"), [pytest.param(Reuse.NEVER, 15, marks=pytest.mark.long), (Reuse.CELLS, 9)]
)
async def test_a_run_that_was_queued_keeps_the_partial_output(
    serve_docker: ServeDocker, reuse: Reuse, budget_s: float
) -> None:
    """A run that waited for its place is stopped with its output so far.

    The log says for how long it waited. Containers are warm before the first run, as on a slow or
    busy machine one takes seconds to start, and the wait for it comes out of the budget, too.
    """
    async with serve_docker(reuse, runs_at_once=1, budget_s=budget_s) as http:
        await eventually(lambda: pool_of(http), lambda pool: pool["warm"] and not pool["starting"])
        first = asyncio.create_task(http.run("sleep 2", max_seconds=20))
        await until(lambda: http.service.health().running == 1)
        result = await http.run(ENDLESS, max_seconds=20)
        assert (await first)["outcome"] == "green"

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert result["stdout"] == text("begun\ntrapped\n")
    assert " s of 20 s: the rest had gone by" in result["log"]["reason"]
    assert result["log"]["queued_s"] > 1
