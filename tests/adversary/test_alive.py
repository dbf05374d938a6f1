"""The helper that watches `/alive` tells the truth."""

import math
import time

from aiohttp import web

from tests.adversary.alive import AliveTimes, alive_times
from tests.listening import listening


def test_the_99th_percentile_leaves_out_one_of_a_hundred() -> None:
    """The slowest of a hundred answers does not count, the second slowest does."""
    assert AliveTimes([1.0] * 98 + [2.0, 3.0]).p99_s == 2.0
    assert AliveTimes([1.0] * 98 + [2.0, 3.0]).worst_s == 3.0
    assert AliveTimes([5.0]).p99_s == 5.0


async def test_a_loop_that_is_blocked_is_seen() -> None:
    """A daemon that does something else for a third of a second answers at least that late."""

    async def alive(_request: web.Request) -> web.Response:
        return web.json_response({"alive?": True})

    app = web.Application()
    app.router.add_get("/alive", alive)
    async with listening(app) as address, alive_times(f"http://{address}") as times:
        time.sleep(0.4)  # noqa: ASYNC251 - the very thing to be seen

    assert 0.3 < times.worst_s < math.inf


async def test_nobody_there_is_no_answer() -> None:
    """A service that does not listen has an infinite time."""
    async with alive_times("http://127.0.0.1:1") as times:
        pass

    assert times.p99_s == math.inf
