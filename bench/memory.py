"""A container engine in memory, whose starts and removals take a turn of the loop."""

import asyncio
from collections.abc import Callable

from pool import ContainerSpec, Seen, Started


class MemoryStream:
    """Implements pool.engine.Stream; nothing comes over it, and its container never dies."""

    ended = False
    complaints = ""

    def on_end(self, callback: Callable[[], None]) -> None:
        """It never ends."""

    async def write(self, data: bytes) -> None:
        """Nobody reads it."""

    async def read(self) -> bytes:
        """Nothing."""
        return b""

    async def close(self) -> None:
        """Nothing is open."""


class MemoryEngine:
    """Implements pool.engine.ContainerEngine."""

    def __init__(self) -> None:
        self.starts = 0

    async def start(self, spec: ContainerSpec) -> Started:
        """Succeeds."""
        self.starts += 1
        number = self.starts
        await asyncio.sleep(0)
        return Started(f"id-{number}", f"{spec.image}-{number}", MemoryStream())

    async def remove(self, _container_id: str) -> None:
        """Succeeds."""
        await asyncio.sleep(0)

    async def last_words(self, _container_id: str) -> str:
        """No container ends by itself."""
        return ""

    async def list_containers(self, _label: str) -> list[Seen]:
        """Nobody else has any."""
        return []


async def settle() -> None:
    """Let the loop go round until all that can happen without time has happened."""
    for _turn in range(40):
        await asyncio.sleep(0)
