"""Questions that the tests of a daemon as a process ask again and again."""

import asyncio
from typing import Any

from tests.daemon_process import Daemon
from tests.waiting import eventually

BUSYBOX = "dojo-runner/busybox-bash:latest"


async def colour(running: Daemon, script: str = "true", **how: Any) -> str:
    """The outcome of a run."""
    return str((await running.run(BUSYBOX, script, **how))["outcome"])


async def begin(
    running: Daemon, script: str, count: int, *, seconds: float = 10
) -> list[asyncio.Task[dict[str, Any]]]:
    """Runs that have their containers when the function returns."""
    runs = [
        asyncio.create_task(running.run(BUSYBOX, script, seconds=seconds)) for _ in range(count)
    ]

    def have_containers(health: Any) -> bool:
        pool = health["images"].get(BUSYBOX, {"leased": 0})
        return bool(health["running"] == pool["leased"] == count)

    await eventually(running.health, have_containers)
    return runs


async def alive(running: Daemon) -> bool:
    """Whether the daemon answers at all."""
    try:
        return bool((await running.ask("alive?"))["alive?"])
    except OSError:
        return False
