"""Containers serve one run, runs outlive their clients, and a drained service leaves nothing."""

import asyncio
from typing import Any

from pool import EngineError
from runner.service import Service
from runner.settings import Settings
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import RUN, until
from tests.serving import new_owner


async def test_a_container_is_used_once(serve_fake: ServeFake) -> None:
    """Every run has a container of its own, which is removed after it."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=2) as http:
        results = await asyncio.gather(*(http.run("echo x > x; ls") for _ in range(8)))
        await until(lambda: engine.containers.removals == 8)

        assert {result["stdout"]["content"] for result in results} == {"cyber-dojo.sh\nx\n"}
        assert len(set(engine.containers.removed)) == 8
        assert not set(engine.containers.removed) & set(engine.containers.present)


async def test_a_service_that_drains_takes_no_run(serve_fake: ServeFake) -> None:
    """A run that is sent to a draining service is 503, with a Retry-After."""
    async with serve_fake() as http:
        await http.service.drain()
        answer = await http.ask(RUN, http.kata())

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_service_that_never_began_asks_no_engine() -> None:
    """A daemon that cannot listen ends at once, even where the engine would not answer."""
    failed: list[EngineError] = []
    engine = FakeEngine(failed.append)
    engine.containers.list_error = EngineError("list", "cannot be asked")
    service = Service(Settings(), new_owner(), engine.engines())

    await service.drain()

    assert (failed, engine.is_closed) == ([], True)


async def test_a_run_that_begins_during_a_stop_keeps_its_output(serve_fake: ServeFake) -> None:
    """The output until then is returned when the stop leaves the program no more time."""
    async with serve_fake(warm=0) as http:
        await http.until_ready()
        http.service.end_runs_by(asyncio.get_running_loop().time() + 4.2)
        result = await http.run("echo early; sleep 60", max_seconds=10)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert result["stdout"]["content"] == "early\n"
    assert "of 10 s" in result["log"]["reason"]


async def test_a_start_that_ends_while_draining_leaves_nothing(serve_fake: ServeFake) -> None:
    """A refill that the engine finishes late is removed before the connections end."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=3) as http:
        await http.run()
        engine.containers.hold()
        await http.run()
        draining = asyncio.create_task(http.service.drain())
        await until(lambda: not engine.containers.present)
        engine.containers.may_remove.clear()
        engine.containers.release()
        await until(lambda: bool(engine.containers.present))
        for _ in range(100):  # turns in which the connection to the engine must stay
            await asyncio.sleep(0)
        engine.containers.may_remove.set()
        await draining

        assert engine.is_closed
        assert engine.containers.present == {}


async def test_a_stop_ends_in_time_whatever_the_engine_does(
    serve_fake: ServeFake, logs: list[dict[str, Any]]
) -> None:
    """A drain with an engine that removes nothing and tells nothing ends when its time is over, and
    says that containers are left.
    """
    engine = FakeEngine()
    async with serve_fake(engine, warm=2) as http:
        await http.run()
        await until(lambda: len(engine.containers.of_image(http.image)) == 2)
        engine.containers.may_remove.clear()
        engine.containers.may_tell.clear()

        await http.service.drain(limit_s=0.3)

        assert engine.containers.present
        assert [one["level"] for one in logs if "some are left" in one["message"]] == ["WARNING"]
        engine.containers.may_remove.set()
        engine.containers.may_tell.set()
        await http.service.drain()
    assert not engine.containers.present
