"""A container engine in memory, for the pool's own tests: it does what the test says, when it says.

It keeps the rules of pool.engine.ContainerEngine: a start that fails or is cancelled leaves nothing
behind, and a removal is harmless when there is nothing to remove.
"""

import asyncio
from collections.abc import Callable

from pool import ContainerSpec, EngineError, Seen, Started


class FakeStream:
    """Implements pool.engine.Stream; nothing ever comes over it but its end."""

    def __init__(self) -> None:
        self.ended = False
        self.complaints = ""
        self.closed = False
        self.close_error: Exception | None = None
        self._on_end: Callable[[], None] | None = None

    def on_end(self, callback: Callable[[], None]) -> None:
        """See pool.engine.Stream."""
        self._on_end = callback
        if self.ended:
            callback()

    def end(self) -> None:
        """The container died."""
        if not self.ended:
            self.ended = True
            if self._on_end is not None:
                self._on_end()

    async def write(self, data: bytes) -> None:
        """See pool.engine.Stream; what is written is forgotten."""
        if self.ended:
            raise EngineError("attach", "the container has ended")

    async def read(self) -> bytes:
        """See pool.engine.Stream; the container says nothing."""
        return b""

    async def close(self) -> None:
        """See pool.engine.Stream; raises `close_error`, if there is one."""
        self._on_end = None
        self.closed = True
        if self.close_error is not None:
            raise self.close_error


class FakeEngine:
    """A start takes one turn of the loop; once `hold` was called it waits for the test."""

    def __init__(self) -> None:
        self.present: dict[str, FakeStream] = {}  # dead ones too, until they are removed
        self.labels: dict[str, dict[str, str]] = {}
        self.created_s: dict[str, int | None] = {}
        self.states: dict[str, str] = {}
        self.starts = 0
        self.removals = 0
        self.most_starts_at_once = 0
        self.start_error: Exception | None = None
        self.remove_error: EngineError | None = None
        self.on_ready: Callable[[FakeStream], None] = lambda stream: None
        self._holding = False
        self._held: list[asyncio.Future[None]] = []
        self._under_way = 0

    @property
    def living(self) -> set[str]:
        """Ids of the containers that run."""
        return {one for one, stream in self.present.items() if not stream.ended}

    @property
    def held(self) -> int:
        """How many starts wait for the test."""
        return sum(not one.done() for one in self._held)

    def hold(self) -> None:
        """From now on starts wait for the test."""
        self._holding = True

    def let_go(self, count: int = 1) -> None:
        """The oldest starts that wait succeed."""
        for one in [one for one in self._held if not one.done()][:count]:
            one.set_result(None)

    def refuse(self, error: Exception) -> None:
        """The oldest start that waits fails."""
        next(one for one in self._held if not one.done()).set_exception(error)

    def release(self) -> None:
        """Whatever waits succeeds, and nothing waits any more."""
        self._holding = False
        self.let_go(len(self._held))

    def kill(self, container_id: str, complaint: str = "") -> None:
        """The container dies by itself; it stays until it is removed."""
        stream = self.present[container_id]
        stream.complaints = complaint
        stream.end()

    def add(
        self, container_id: str, state: str, labels: dict[str, str], created_s: int | None = None
    ) -> None:
        """A container that somebody else left here."""
        self.created_s[container_id] = created_s
        self.present[container_id] = FakeStream()
        self.states[container_id] = state
        self.labels[container_id] = labels

    async def start(self, spec: ContainerSpec) -> Started:
        """See pool.engine.ContainerEngine."""
        self.starts += 1
        container_id = f"id-{self.starts}"
        self._under_way += 1
        self.most_starts_at_once = max(self.most_starts_at_once, self._under_way)
        try:
            if self._holding:
                ours: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._held.append(ours)
                await ours
            else:
                await asyncio.sleep(0)
        finally:
            self._under_way -= 1
        if self.start_error is not None:
            raise self.start_error
        stream = FakeStream()
        self.present[container_id] = stream
        self.labels[container_id] = dict(spec.labels)
        self.states[container_id] = "running"
        self.on_ready(stream)
        return Started(container_id, f"name-{container_id}", stream)

    async def remove(self, container_id: str) -> None:
        """See pool.engine.ContainerEngine; raises `remove_error`, if there is one."""
        await asyncio.sleep(0)
        self.removals += 1
        if self.remove_error is not None:
            raise self.remove_error
        stream = self.present.pop(container_id, None)
        if stream is not None:
            stream.end()

    async def last_words(self, container_id: str) -> str:
        """See pool.engine.ContainerEngine."""
        return "exited (1)"

    async def list_containers(self, label: str) -> list[Seen]:
        """See pool.engine.ContainerEngine."""
        key, _, value = label.partition("=")
        return [
            Seen(one, f"name-{one}", self.states[one], self.labels[one], self.created_s.get(one))
            for one in self.present
            if self.labels[one].get(key) == value
        ]
