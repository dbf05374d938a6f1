"""How late the event loop is."""

import time

from pool import Supervisor
from runner.operators.loop_lag import LoopLag
from tests.reports import Reports
from tests.waiting import eventually


async def test_what_blocks_the_loop_is_seen() -> None:
    """A callback that keeps the loop busy for a tenth of a second shows among the longer lags."""
    lag = LoopLag(Supervisor(Reports()), every_s=0.001)

    async def late() -> int:
        time.sleep(0.1)  # noqa: ASYNC251 - that is what is to be seen
        within = dict(lag.seconds.up_to())
        return within[float("inf")] - within[0.05]

    lag.start()
    try:
        await eventually(late, lambda count: count > 0)
    finally:
        await lag.close()
