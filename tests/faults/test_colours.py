"""Colours are told again when the engine is back: three seconds later a run is green."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.faults.conftest import Serve, within
from tests.faults.own_engine import OwnEngine
from tests.faults.proxy import Proxy
from tests.serving import Served
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

RUBY = "dojo-runner/ruby:latest"
STOPPED_S = 10.0
FAILING_S = 10.0
AWAY_S = 35.0
WELL_AGAIN_S = 3.0


@pytest.fixture
async def forgetful(engine: OwnEngine) -> AsyncIterator[OwnEngine]:
    """The engine, which ends its containers when it ends, as engines do by default."""
    await engine.take_over(RUBY)
    engine.keeps_containers = False
    await engine.restart()
    yield engine
    engine.keeps_containers = True
    await engine.restart()


async def is_green(http: Served) -> bool:
    """Whether a run that nobody has made before has its colour."""
    result = await http.run(f"echo {asyncio.get_running_loop().time()}")
    return bool(result["outcome"] == "green")


async def is_stopped(engine: OwnEngine, _between: Proxy, _http: Served) -> None:
    """The engine is stopped, and started a while later. Nobody makes a run meanwhile."""
    await engine.stop()
    await asyncio.sleep(STOPPED_S)
    await engine.start()


async def is_away(_engine: OwnEngine, between: Proxy, _http: Served) -> None:
    """The engine's socket is away for a while."""
    await between.go_away()
    await asyncio.sleep(AWAY_S)
    await between.listen()


async def fails_some_calls(_engine: OwnEngine, between: Proxy, http: Served) -> None:
    """A tenth of all calls is answered 500, and learners go on."""
    loop = asyncio.get_running_loop()
    over_s = loop.time() + FAILING_S
    between.failing = 0.1
    while loop.time() < over_s:
        await asyncio.gather(*(is_green(http) for _ in range(3)))
    between.failing = 0.0


@pytest.mark.parametrize("fault", [is_stopped, is_away, fails_some_calls])
async def test_runs_are_green_soon_after_a_fault(
    serve: Serve,
    forgetful: OwnEngine,
    between: Proxy,
    fault: Callable[[OwnEngine, Proxy, Served], Awaitable[None]],
) -> None:
    """From three seconds after the engine is well again each run has its colour."""
    async with serve(between.host, warm=1) as http:
        await http.until_ready()
        await eventually(lambda: is_green(http))

        await fault(forgetful, between, http)

        async with within(WELL_AGAIN_S):
            await eventually(lambda: is_green(http))
        assert all([await is_green(http) for _ in range(3)])
