"""A container engine without containers: its starts cost CPU on simulated cores."""

import asyncio

from bench.memory import MemoryStream
from bench.simulator.cores import Cores
from pool import ContainerSpec, Seen, Started


class SimulatedEngine:
    """Implements pool.engine.ContainerEngine.

    A start takes `start_cpu_s` on the cores, the removal that it makes necessary included.
    `lives_s` is how long the containers that were removed had been there, all together, from the
    beginning of their starts.
    """

    def __init__(self, cores: Cores, start_cpu_s: float) -> None:
        self.starts = 0
        self.lives_s = 0.0
        self._cores = cores
        self._start_cpu_s = start_cpu_s
        self._began_s: dict[str, float] = {}
        self._now_s = asyncio.get_running_loop().time

    async def start(self, spec: ContainerSpec) -> Started:
        """A container, after its CPU has been used. No start fails."""
        self.starts += 1
        container_id = str(self.starts)
        self._began_s[container_id] = self._now_s()
        await self._cores.use(self._start_cpu_s)
        return Started(container_id, f"{spec.image} {container_id}", MemoryStream())

    async def remove(self, container_id: str) -> None:
        """Remove a container at once."""
        self.lives_s += self._now_s() - self._began_s.pop(container_id)

    async def output(self, _spec: ContainerSpec, _limit_bytes: int, _limit_s: float) -> bytes:
        """No container prints anything."""
        return b""

    async def last_words(self, container_id: str) -> str:  # noqa: ARG002 - an engine
        """No container has any."""
        return ""

    def works_on(self, seen: Seen) -> bool:  # noqa: ARG002 - an engine
        """False: this engine works on nothing that a sweep could see."""
        return False

    async def list_containers(self, label: str) -> list[Seen]:  # noqa: ARG002 - an engine
        """No containers: no other process has any."""
        return []
