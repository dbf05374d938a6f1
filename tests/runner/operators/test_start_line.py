"""The line of the log that tells what has started."""

from typing import Any

from pool import EngineError
from runner.cells.cells import CellsStatus
from runner.operators.limits import limits_of
from runner.operators.start_line import StartLine
from runner.settings import Settings
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.waiting import eventually

Events = list[dict[str, Any]]
SETTINGS = Settings(_env_file=None, runs_at_once=3, warm=2)
CELLS = CellsStatus("auto", "single use", "no launcher", 1)


def line(error: EngineError | None = None) -> StartLine:
    """A line about an engine that answers, or raises this error."""

    async def engine_version() -> str:
        if error is not None:
            raise error
        return "27.1"

    return StartLine(
        version="1.2.3",
        commit="a1b2c3",
        engine="unix:///fake.sock",
        engine_version=engine_version,
        limits=limits_of(SETTINGS),
        siblings=("one:4597",),
    )


async def test_one_line_tells_what_has_started(logs: Events) -> None:
    """One line tells versions, cells, siblings and the limits that hold; it is logged once."""
    start_line = line()
    await start_line.say(CELLS)
    await start_line.say(CELLS)

    (event,) = logs
    assert (event["level"], event["message"]) == ("INFO", "ready for runs")
    assert (event["version"], event["commit"]) == ("1.2.3", "a1b2c3")
    assert (event["engine"], event["engine_version"]) == ("unix:///fake.sock", "27.1")
    assert (event["cells"], event["why_no_cells"]) == ("single use", "no launcher")
    assert event["siblings"] == ["one:4597"]
    assert event["limits"]["runs_at_once"] == 3
    assert event["limits"]["containers_of_image"] == 2


async def test_an_engine_that_does_not_tell_its_version(logs: Events) -> None:
    """The line is logged without the version that the engine does not tell."""
    await line(EngineError("version", "busy")).say(CELLS)

    assert logs[0]["engine_version"] == "unknown"


async def test_it_comes_once_runs_can_be_taken_on(serve_fake: ServeFake, logs: Events) -> None:
    """The line waits for the engine, and is not logged again when the engine is back."""
    engine = FakeEngine()
    engine.containers.list_error = EngineError("list", "away")

    def lines() -> Events:
        return [event for event in logs if event["message"] == "ready for runs"]

    async def lost() -> Events:
        return [event for event in logs if event["message"] == "engine lost"]

    async with serve_fake(engine) as http:
        await eventually(lost)
        assert not lines()
        engine.containers.list_error = None
        await http.until_ready()
        await http.run()

        assert len(lines()) == 1
