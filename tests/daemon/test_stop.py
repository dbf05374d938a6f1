"""The end of a daemon: at a signal, and after it has lingered."""

import asyncio
import signal
import time
from pathlib import Path

import aiohttp
import pytest

from runner.run.run import STOPPED
from tests.daemon.support import BUSYBOX, alive, begin, colour
from tests.daemon_process import Daemon, daemon
from tests.waiting import eventually

pytestmark = pytest.mark.docker


async def messages(running: Daemon) -> list[str]:
    """What the daemon has logged so far."""
    return [event["message"] for event in running.log()]


class TestStop:
    """A daemon that gets SIGTERM or its like ends in order."""

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    async def test_idle(self, tmp_path: Path, number: signal.Signals) -> None:
        """An idle daemon that is asked to stop ends with status 0 and leaves no container."""
        async with daemon(tmp_path, warm="2", warm_images=BUSYBOX) as running:
            await eventually(running.containers, lambda found: len(found) == 3)
            await eventually(lambda: messages(running), lambda told: "ready for runs" in told)

            status = await running.stop(number)

            assert status == 0
            assert await running.containers() == []
            assert [event["message"] for event in running.log()][-2:] == ["draining", "stopped"]

    async def test_a_hang_up_is_no_stop(self, tmp_path: Path) -> None:
        """At SIGHUP a daemon without a terminal tries again what has failed, and serves on."""
        async with daemon(tmp_path, warm_images=BUSYBOX) as running:
            await eventually(running.is_ready)
            running.process.send_signal(signal.SIGHUP)
            said = "trying again what has failed"
            await eventually(lambda: messages(running), lambda told: said in told)
            assert await running.is_ready()
            assert await running.stop() == 0

    async def test_at_its_very_start(self, tmp_path: Path) -> None:
        """A daemon that is stopped while its first containers are being started leaves
        none of them.
        """
        async with daemon(tmp_path, warm="4", warm_images=BUSYBOX) as running:
            status = await running.stop()

            assert status == 0
            assert await running.containers() == []

    async def test_runs_under_way(self, tmp_path: Path) -> None:
        """Runs under way end as if nothing had been asked; nothing new is taken on;
        then all is gone.
        """
        async with daemon(tmp_path, warm="2") as running:
            await colour(running)
            runs = await begin(running, "for n in {1..100}; do usleep 10000; done; echo end", 2)

            stopping = asyncio.create_task(running.stop())
            answers = await asyncio.gather(*runs)

            assert [answer["outcome"] for answer in answers] == ["green", "green"]
            assert {answer["stdout"]["content"] for answer in answers} == {"end\n"}
            assert await stopping == 0
            assert await running.containers() == []
            assert not await running.is_ready()

    async def test_a_run_that_needs_longer(self, tmp_path: Path) -> None:
        """With the default settings a daemon ends within the 10 s of `docker stop`, and a run that
        needs longer gets an answer which says so.
        """
        async with daemon(tmp_path, warm="1") as running:
            await colour(running)
            [run] = await begin(running, "while :; do usleep 10000; done", 1)
            began_s = time.monotonic()

            status = await running.stop()
            took_s = time.monotonic() - began_s
            answer = await run

            assert status == 0
            assert took_s < 10
            assert (answer["outcome"], answer["status"]) == ("faulty", "143")
            assert STOPPED in answer["log"].values()
            assert await running.containers() == []

    async def test_twice_is_at_once(self, tmp_path: Path) -> None:
        """A second signal ends the runs, too, and still leaves no container."""
        async with daemon(tmp_path, warm="1") as running:
            await colour(running)
            [run] = await begin(running, "while :; do :; done", 1)

            running.process.send_signal(signal.SIGTERM)
            await running.logged("draining")
            status = await running.stop()

            assert status == 0
            assert not run.done() or run.exception() or run.result()["outcome"] != "green"
            assert await running.containers() == []
            await asyncio.gather(run, return_exceptions=True)


class TestLinger:
    """Between SIGTERM and the closing of its port a daemon still serves, for load balancers that
    look now and then.
    """

    async def test_runs_are_taken_on(self, tmp_path: Path) -> None:
        """A daemon that lingers is not ready and says so, but runs what still comes;
        then all is gone.
        """
        async with daemon(tmp_path, warm="1", linger_s="4") as running:
            await colour(running)
            began_s = time.monotonic()

            running.process.send_signal(signal.SIGTERM)
            await eventually(running.health, lambda health: health["status"] == "draining")
            assert not await running.is_ready()
            assert [await colour(running, f"exit {n}") for n in range(2)] == ["green", "red"]
            await eventually(lambda: alive(running), lambda lives: not lives)
            lingered_s = time.monotonic() - began_s

            assert await running.process.wait() == 0
            assert lingered_s >= 4
            assert await running.containers() == []

    async def test_a_run_that_began_while_lingering(self, tmp_path: Path) -> None:
        """A run that began while lingering is finished after the port is closed, like
        an earlier one.
        """
        async with daemon(tmp_path, warm="1", linger_s="1", drain_s="20") as running:
            await colour(running)
            running.process.send_signal(signal.SIGTERM)
            await eventually(running.health, lambda health: health["status"] == "draining")

            # It ends well within the time that a stop leaves, also on a machine that is slow.
            run = asyncio.create_task(running.run(BUSYBOX, "usleep 2000000; echo end"))
            await eventually(running.health, lambda health: health["running"] == 1)
            await eventually(lambda: alive(running), lambda lives: not lives)
            assert not run.done()

            assert (await run)["stdout"]["content"] == "end\n"
            assert await running.process.wait() == 0

    async def test_pooled_connections(self, tmp_path: Path) -> None:
        """A connection that waited for its next request gets it answered, and is told to close."""
        async with daemon(tmp_path, warm="1", linger_s="20") as running:
            connector = aiohttp.TCPConnector(limit=1)
            async with aiohttp.ClientSession(connector=connector) as pooled:
                async with pooled.get(f"{running.url}/alive") as response:
                    assert response.headers.get("Connection") != "close"
                    assert (await response.json()) == {"alive?": True}

                running.process.send_signal(signal.SIGTERM)
                await running.logged("draining")
                async with pooled.get(f"{running.url}/alive") as response:
                    assert response.headers["Connection"] == "close"
                    assert (await response.json()) == {"alive?": True}

            assert await running.stop() == 0

    async def test_a_second_signal_ends_it(self, tmp_path: Path) -> None:
        """A second signal ends a daemon that lingers at once."""
        async with daemon(tmp_path, warm="1", linger_s="60", warm_images=BUSYBOX) as running:
            await running.settled(BUSYBOX)
            running.process.send_signal(signal.SIGTERM)
            await running.logged("draining")

            assert await running.stop() == 0  # which waits for less than the linger
            assert await running.containers() == []
