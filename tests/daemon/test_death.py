"""A daemon's containers on the engine, after it was killed and beside its siblings."""

import asyncio
import signal
from pathlib import Path

import pytest

from tests.daemon.support import BUSYBOX, begin, colour
from tests.daemon_process import Daemon, daemon
from tests.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.long]


async def until_a_network_is_lent(running: Daemon) -> None:
    """Wait until the daemon has a container that lends networks."""
    await eventually(running.health, lambda health: health["networks"]["holders"])


class TestDeath:
    """The next daemon after a SIGKILL removes the containers that are left."""

    @pytest.mark.parametrize("reuse", ["never", "cells"])
    async def test_orphans_go_and_runs_work_at_once(self, tmp_path: Path, reuse: str) -> None:
        """A daemon that was killed in the middle of runs leaves nothing to its successor."""
        async with daemon(tmp_path, warm="3", reuse=reuse, network_holders="1") as killed:
            await colour(killed)
            await until_a_network_is_lent(killed)
            await killed.settled()
            runs = await begin(killed, "while :; do :; done", 2)
            orphans = {seen.container_id for seen in await killed.containers()}
            await killed.stop(signal.SIGKILL)
            await asyncio.gather(*runs, return_exceptions=True)
            assert len(orphans) >= 5

            again = daemon(
                tmp_path, warm="1", replica=killed.replica, reuse=reuse, network_holders="1"
            )
            async with again as successor:
                assert await colour(successor, "exit 1") == "red"

                async def left() -> set[str]:
                    return orphans & {seen.container_id for seen in await successor.containers()}

                assert not await eventually(left, lambda ids: not ids)
                await until_a_network_is_lent(successor)
                await successor.settled()
                assert await successor.stop() == 0
                assert await successor.containers() == []

    async def test_another_replica_takes_them_as_well(self, tmp_path: Path) -> None:
        """A daemon of another name removes orphans, too, because their process is dead."""
        async with daemon(tmp_path, warm="2", warm_images=BUSYBOX) as killed:
            await killed.settled(BUSYBOX)
            await killed.stop(signal.SIGKILL)

            async with daemon(tmp_path, warm="0"):
                assert await eventually(killed.containers, lambda found: not found) == []


async def test_siblings_share_the_launchers_volume(tmp_path: Path) -> None:
    """A daemon that goes leaves the volume to its sibling, and nobody else can remove it."""
    async with (
        daemon(tmp_path, reuse="cells", warm="1") as one,
        daemon(tmp_path, reuse="cells", warm="1") as other,
    ):
        assert [await colour(one), await colour(other)] == ["green", "green"]
        assert await one.stop() == 0
        # What a prune does to all that are not in use.
        removing = await asyncio.create_subprocess_shell(
            "docker volume rm $(docker volume ls --quiet --filter name=dojo-runner-launcher-)",
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await removing.communicate()
        assert b"volume is in use" in said
        async with daemon(tmp_path, reuse="cells", warm="1") as third:
            assert [await colour(third), await colour(other)] == ["green", "green"]


async def test_siblings_leave_each_other_alone(tmp_path: Path) -> None:
    """Of two daemons on one engine neither counts, uses or sweeps the other's containers."""
    async with (
        daemon(tmp_path, warm="1", warm_images=BUSYBOX) as one,
        daemon(tmp_path, warm="2", warm_images=BUSYBOX) as other,
    ):
        await one.settled(BUSYBOX)
        await other.settled(BUSYBOX)
        before = {seen.container_id for seen in await other.containers()}

        # Its end and another's start are when a daemon removes what it takes for orphans.
        assert await one.stop() == 0
        async with daemon(tmp_path, warm="1", warm_images=BUSYBOX) as third:
            await third.settled(BUSYBOX)
            assert await colour(third) == "green"
            await third.settled(BUSYBOX)

        assert {seen.container_id for seen in await other.containers()} == before
        assert await colour(other) == "green"
        assert await other.stop() == 0
        assert not other.log("traffic light replaced")
