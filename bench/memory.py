"""A container engine in memory, whose starts and removals take a turn of the loop."""

import asyncio
from collections.abc import Callable

from pool import ContainerSpec, Seen, Started


class MemoryStream:
    """Implements pool.engine.Stream: nothing comes over it, and its container never dies."""

    ended = False
    complaints = ""

    def on_end(self, callback: Callable[[], None]) -> None:
        """The callback is never called, as the stream never ends by itself."""

    async def write(self, data: bytes) -> None:
        """Drop the data: no program reads it."""

    async def read(self) -> bytes:
        """Nothing, as at the end."""
        return b""

    async def close(self) -> None:
        """Nothing is to be closed."""


class MemoryEngine:
    """Implements pool.engine.ContainerEngine."""

    def __init__(self) -> None:
        self.starts = 0

    async def start(self, spec: ContainerSpec) -> Started:
        """A container, a turn of the loop later. No start fails."""
        self.starts += 1
        number = self.starts
        await asyncio.sleep(0)
        return Started(f"id-{number}", f"{spec.image}-{number}", MemoryStream())

    async def remove(self, _container_id: str) -> None:
        """Remove a container, a turn of the loop later."""
        await asyncio.sleep(0)

    async def output(self, _spec: ContainerSpec, _limit_bytes: int, _limit_s: float) -> bytes:
        """No container prints anything."""
        return b""

    async def last_words(self, _container_id: str) -> str:
        """No container has any, as none ends by itself."""
        return ""

    def works_on(self, seen: Seen) -> bool:  # noqa: ARG002 - an engine
        """False: this engine works on nothing that a sweep could see."""
        return False

    async def list_containers(self, _label: str) -> list[Seen]:
        """No containers: no other process has any."""
        return []


async def settle() -> None:
    """Give the loop turns until all that can happen without the clock has happened."""
    for _turn in range(40):
        await asyncio.sleep(0)
