"""How long a run may take, and what is left of one that took longer."""

import asyncio

import pytest

from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import Events, text
from tests.serving import Served


async def test_a_time_out_keeps_what_was_printed(http: Served, logs: Events) -> None:
    """The status is 142; partial output comes back, of traps, too; there are no files,
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
    assert result["log"] == {"reason": "no container was ready in time"}


async def test_a_silent_container_is_a_time_out(serve_fake: ServeFake) -> None:
    """A container that answers nothing at all is given up within the budget."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with serve_fake(engine, budget_s=2) as http:
        result = await http.run(max_seconds=1)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert "the container was killed" in result["log"]["reason"]
