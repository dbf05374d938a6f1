"""An engine that hangs, with all connections to it as they were."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.daemon_process import daemon
from tests.faults.conftest import IMAGE, Serve, is_ready, status, warm, well, within
from tests.faults.own_engine import OwnEngine
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

NOT_READY_S = 5.0
WELL_AGAIN_S = 3.0
DRAIN_S = 3.0
ENDS_S = 2.5  # of the process, and for the last of its log


async def test_a_frozen_engine(serve: Serve, engine: OwnEngine) -> None:
    """When the engine hangs, the service is not ready within five seconds.

    A run whose program has ended meanwhile is the machinery's failure, and no time-out. Three
    seconds after the engine goes on runs are well.
    """
    async with serve(engine.host, warm=2) as http:
        await http.until_ready()
        await eventually(lambda: well(http))
        await eventually(lambda: warm(http), lambda count: count == 2)

        run = asyncio.create_task(
            http.run("for n in {1..80}; do usleep 10000; done", max_seconds=1)
        )
        await eventually(lambda: warm(http), lambda count: count == 1)
        engine.freeze()
        async with within(NOT_READY_S):
            await eventually(lambda: is_ready(http), lambda ready: not ready)
        assert await status(http) == "engine down"
        result = await run
        engine.thaw()

        async with within(WELL_AGAIN_S):
            await eventually(lambda: well(http))
        await eventually(lambda: is_ready(http))

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert "cannot be reached" in result["log"]["reason"]


async def test_a_stop_with_a_frozen_engine(engine: OwnEngine, tmp_path: Path) -> None:
    """A daemon that is stopped while its engine hangs ends within the time for a stop, with status
    0. This holds with a run under way, too.
    """
    time_s = str(DRAIN_S)
    async with daemon(tmp_path, docker_host=engine.host, warm="2", drain_s=time_s) as running:
        await running.run(IMAGE, "true")
        run = asyncio.create_task(running.run(IMAGE, "while :; do :; done", seconds=20))
        await eventually(running.health, lambda health: health["running"] == 1)
        engine.freeze()

        async with within(DRAIN_S + ENDS_S):
            assert await running.stop(signal.SIGTERM) == 0
        engine.thaw()
        await asyncio.wait([run])

    assert [event["message"] for event in running.log()][-1] == "stopped"
