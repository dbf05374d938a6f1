"""An engine that is restarted under its containers."""

import pytest

from tests.faults.conftest import Serve, well
from tests.faults.own_engine import OwnEngine
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

RUBY = "dojo-runner/ruby:latest"


async def test_restarts_leave_no_containers(serve: Serve, engine: OwnEngine) -> None:
    """However often an engine with live-restore is restarted, no container that it cut off stays.

    Runs are well, and colours are told again.
    """
    await engine.take_over(RUBY)
    async with serve(engine.host, warm=2, network_holders=1) as http:
        await http.until_ready()
        await eventually(lambda: well(http))

        for number in range(2):
            before = await engine.running()
            assert before
            await engine.restart()
            await eventually(lambda: well(http))

            async def cut_off(before: set[str] = before) -> set[str]:
                return await engine.running() & before

            await eventually(cut_off, lambda left: not left)
            # Two warm ones, the traffic light, and the one that lends networks.
            await eventually(engine.running, lambda now: len(now) == 4)
            assert (await http.run(f"echo {number}"))["outcome"] == "green"

    assert await engine.running() == set()
