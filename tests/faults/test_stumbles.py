"""An engine that fails some calls, or is away for a while: what the service makes of it."""

import asyncio
from typing import Any

import pytest

from tests.faults.conftest import IMAGE, LAUNCHER, Serve, is_ready, warm, well, within
from tests.faults.proxy import Proxy
from tests.serving import Served
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]

WELL_AGAIN_S = 3.0
Events = list[dict[str, Any]]


async def run_again_and_again(http: Served, for_s: float) -> None:
    """Learners press [test], whatever comes of it."""
    loop = asyncio.get_running_loop()
    over_s = loop.time() + for_s
    while loop.time() < over_s:
        await asyncio.gather(*(http.run() for _ in range(3)))
        await asyncio.sleep(0.1)


async def test_an_engine_that_fails_some_calls(serve: Serve, between: Proxy) -> None:
    """Runs are well three seconds after an engine has stopped failing a share of calls with 500.

    Until then every run was answered.
    """
    async with serve(between.host) as http:
        await http.until_ready()
        await eventually(lambda: well(http))

        between.failing = 0.3
        await run_again_and_again(http, for_s=5)
        between.failing = 0.0

        async with within(WELL_AGAIN_S):
            await eventually(lambda: well(http))
        assert all([await well(http) for _ in range(3)])


async def test_an_engine_that_is_away(serve: Serve, between: Proxy, logs: Events) -> None:
    """Runs are well three seconds after the engine's socket is back.

    The log has one line for the loss, one for the return, and none for each run or call in between.
    """
    async with serve(between.host) as http:
        await http.until_ready()
        await eventually(lambda: well(http))

        await between.go_away()
        await eventually(lambda: is_ready(http), lambda ready: not ready)
        logs_before = len(logs)
        await run_again_and_again(http, for_s=4)
        logged = [one["message"] for one in logs[logs_before:] if one["level"] != "DEBUG"]
        await between.listen()

        async with within(WELL_AGAIN_S):
            await eventually(lambda: well(http))
        await eventually(lambda: is_ready(http))

    assert logged == []
    [lost] = [one for one in logs if one["message"] == "engine lost"]
    [back] = [one for one in logs if one["message"] == "engine back"]
    assert (lost["engine"], back["engine"]) == (between.host, between.host)
    assert lost["reason"] == "cannot connect to the engine: No such file or directory"
    assert "DOCKER_HOST" in lost["advice"]
    assert back["failed_calls"] > 0


async def test_an_engine_that_talks_nonsense(serve: Serve, between: Proxy) -> None:
    """The service is not ready while its engine garbles answers.

    Three seconds after that runs are well.
    """
    async with serve(between.host, warm=0) as http:
        await http.until_ready()

        between.is_garbling = True
        await eventually(lambda: is_ready(http), lambda ready: not ready)
        assert (await http.run())["status"] == "143"
        between.is_garbling = False

        async with within(WELL_AGAIN_S):
            await eventually(lambda: well(http))


async def test_an_engine_that_delays_its_answers(serve: Serve, between: Proxy) -> None:
    """The service is not ready while the engine answers no call.

    Three seconds after the answers come, late ones among them, runs are well.
    """
    async with serve(between.host, warm=0) as http:
        await http.until_ready()

        between.may_pass.clear()
        run = asyncio.create_task(http.run())
        await eventually(lambda: is_ready(http), lambda ready: not ready)
        between.may_pass.set()

        async with within(WELL_AGAIN_S):
            await eventually(lambda: well(http))
        await run


async def test_streams_that_are_cut(serve: Serve, between: Proxy) -> None:
    """Warm containers whose streams are cut are replaced, and the old ones removed."""
    async with serve(between.host, warm=2) as http:
        await http.until_ready()
        await eventually(lambda: well(http))

        await between.cut()

        await eventually(lambda: well(http))


async def test_an_engine_that_comes_later(serve: Serve, between: Proxy, logs: Events) -> None:
    """Images that are to be warm from the start get warm when the engine comes later
    than the daemon.
    """
    await between.go_away()
    async with serve(between.host, warm=1, warm_images=IMAGE) as http:
        await eventually(lambda: _said(logs, "engine lost"))
        assert not await is_ready(http)
        await between.listen()

        await eventually(lambda: warm(http), lambda count: count == 1)


async def test_cells_after_a_failed_trial(serve: Serve, between: Proxy) -> None:
    """A trial of cells that failed because the engine stumbled is made again, until it works."""
    between.failing_path = "/containers/create"
    async with serve(between.host, reuse="auto", launcher_image=LAUNCHER) as http:

        async def reuse() -> dict[str, Any]:
            return dict((await http.ask("/health", verb="GET")).body["reuse"])

        await eventually(reuse, lambda told: told["failed_trials"] > 0)
        between.failing_path = ""

        await eventually(reuse, lambda told: told["kind"] == "cells")
        assert (await reuse())["failed_trials"] == 0


async def _said(logs: Events, message: str) -> bool:
    return any(one["message"] == message for one in logs)
