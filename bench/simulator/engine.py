"""A container engine without containers: its starts cost CPU on simulated cores."""

import asyncio
from collections.abc import Callable

from bench.simulator.cores import Cores
from pool import ContainerSpec, Seen, Started


class _Stream:
    """Implements pool.engine.Stream. Nothing comes over it, and no container dies by itself."""

    ended = False
    complaints = ""

    def on_end(self, callback: Callable[[], None]) -> None:
        """It ends when its user closes it, who need not be told."""

    async def write(self, data: bytes) -> None:
        """Into the void."""

    async def read(self) -> bytes:
        """The end."""
        return b""

    async def close(self) -> None:
        """Nothing is to be closed."""


class SimulatedEngine:
    """Implements pool.engine.ContainerEngine.

    A start takes `start_cpu_s` on the cores, the removal that it makes necessary included.
    `lives_s` is how long the containers that were removed had been there, from the begin of their
    starts, all together.
    """

    def __init__(self, cores: Cores, start_cpu_s: float) -> None:
        self.starts = 0
        self.lives_s = 0.0
        self._cores = cores
        self._start_cpu_s = start_cpu_s
        self._began_s: dict[str, float] = {}
        self._now_s = asyncio.get_running_loop().time

    async def start(self, spec: ContainerSpec) -> Started:
        """Never fails."""
        self.starts += 1
        container_id = str(self.starts)
        self._began_s[container_id] = self._now_s()
        await self._cores.use(self._start_cpu_s)
        return Started(container_id, f"{spec.image} {container_id}", _Stream())

    async def remove(self, container_id: str) -> None:
        """At once."""
        self.lives_s += self._now_s() - self._began_s.pop(container_id)

    async def last_words(self, container_id: str) -> str:  # noqa: ARG002 - an engine
        """None of them has any."""
        return ""

    async def list_containers(self, label: str) -> list[Seen]:  # noqa: ARG002 - an engine
        """There is no owner but this process."""
        return []
