"""Containers in memory: each is a stream, and a coroutine at its other end."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pool import ContainerSpec, EngineError, ImageMissingError, Seen, Started
from tests.fakes.images import FakeImages
from tests.fakes.stream import FakeStream

# What runs in a container: it prints the ready mark, and the container ends when it returns.
Program = Callable[[ContainerSpec, FakeStream], Coroutine[None, None, None]]


@dataclass
class FakeContainer:
    """One container that is there; `task` is its program, if it has one."""

    container_id: str
    name: str
    spec: ContainerSpec
    stream: FakeStream
    created_s: int | None = field(default_factory=lambda: int(time.time()))
    task: asyncio.Task[None] | None = field(default=None, repr=False)
    state_of_a_stranger: str = ""
    is_being_removed: bool = False

    @property
    def state(self) -> str:
        """The state in which an engine would list the container."""
        if self.is_being_removed:
            return "removing"
        return "exited" if self.stream.ended else self.state_of_a_stranger or "running"


class FakeContainers:
    """Implements pool.engine.ContainerEngine.

    Which program runs is told by the first word of the command. An engine that knows no programs
    starts containers which are ready and then say nothing until they end. An engine without
    images has every image.

    A start takes one turn of the loop; once `hold` was called it waits for the test. The errors
    that a test sets are raised by each call of their kind, until the test takes them back; `bug`
    is one that nobody foresees, and only the next list of containers raises it. Clear `may_tell` to
    keep questions about containers waiting.
    """

    def __init__(
        self,
        images: FakeImages | None = None,
        programs: Mapping[str, Program] | None = None,
        failed: Callable[[EngineError], None] = lambda error: None,
    ) -> None:
        self.programs = dict(programs or {})
        self.present: dict[str, FakeContainer] = {}  # dead ones too, until they are removed
        self.asked: list[ContainerSpec] = []  # for each start that began
        self.removed: list[str] = []  # the container of each removal that began
        self.most_starts_at_once = 0
        self.outputs: dict[str, bytes] = {}
        self.memory_bytes: dict[str, int] = {}  # of a container, by its image's name
        self.start_error: Exception | None = None
        self.remove_error: EngineError | None = None
        self.list_error: EngineError | None = None
        self.bug: Exception | None = None
        self.on_ready: Callable[[FakeStream], None] = lambda stream: None
        self.may_remove = asyncio.Event()  # cleared: removals wait
        self.may_remove.set()
        self.may_tell = asyncio.Event()
        self.may_tell.set()
        self._images = images
        self._failed = failed
        self._holding = False
        self._making: set[str] = set()
        self._held: list[asyncio.Future[Exception | None]] = []
        self._under_way = 0

    # What a test sees.

    @property
    def starts(self) -> int:
        """How many starts began."""
        return len(self.asked)

    @property
    def removals(self) -> int:
        """How many removals began."""
        return len(self.removed)

    @property
    def living(self) -> set[str]:
        """The ids of the containers that run."""
        return {one.container_id for one in self.present.values() if not one.stream.ended}

    @property
    def held(self) -> int:
        """How many starts wait for the test."""
        return sum(not one.done() for one in self._held)

    def of_image(self, image: str) -> list[FakeContainer]:
        """The containers of this image, oldest first."""
        return [one for one in self.present.values() if one.spec.image == image]

    # What a test does.

    def hold(self) -> None:
        """From now on starts wait for the test."""
        self._holding = True

    def finish(self, count: int = 1) -> None:
        """The oldest starts that wait succeed."""
        self._answer(count, None)

    def refuse(self, error: Exception) -> None:
        """The oldest start that waits fails."""
        self._answer(1, error)

    def release(self) -> None:
        """Let all that wait succeed, and hold none any more."""
        self._holding = False
        self.finish(self.held)

    def kill(self, container_id: str, complaint: str = "") -> None:
        """The container dies by itself, and stays until it is removed."""
        container = self.present[container_id]
        container.stream.complaints = complaint
        container.stream.end()
        if container.task is not None:
            container.task.cancel()

    def add(
        self,
        container_id: str,
        state: str,
        labels: Mapping[str, str],
        created_s: int | None = None,
    ) -> None:
        """A container that somebody else left here."""
        name, spec = f"name-{container_id}", ContainerSpec("", "", (), b"", "", labels=labels)
        self.present[container_id] = FakeContainer(
            container_id, name, spec, FakeStream(name), created_s, state_of_a_stranger=state
        )

    # What the pool asks for.

    async def start(self, spec: ContainerSpec) -> Started:
        """Start a container. Raises EngineError, and leaves nothing behind then."""
        self.asked.append(spec)
        container_id = f"id-{self.starts}"
        self._making.add(container_id)
        try:
            return await self._make(spec, container_id)
        finally:
            self._making.discard(container_id)

    def works_on(self, seen: Seen) -> bool:
        """Whether it is just making this container, and has not returned it, or removing it."""
        return seen.container_id in self._making or self.present[seen.container_id].is_being_removed

    async def output(self, spec: ContainerSpec, limit_bytes: int, limit_s: float) -> bytes:
        """What a test has put into `outputs` for the image, by its id; else the ready mark."""
        return self.outputs.get(spec.image_id, spec.ready_mark)[:limit_bytes]

    async def _make(self, spec: ContainerSpec, container_id: str) -> Started:
        error = await self._turn() or self.start_error
        if error is not None:
            raise self._reported(error)
        if self._images is not None and not self._images.has(spec.image_id):
            raise ImageMissingError(
                "create", f"No such image: {spec.image_id}", status=404, image=spec.image
            )
        container = self._create(container_id, spec)
        try:
            await self._until_ready(container, spec)
        except BaseException:
            await self.remove(container_id)
            raise
        self.on_ready(container.stream)
        memory_bytes = self.memory_bytes.get(spec.image, 0)
        return Started(container_id, container.name, container.stream, memory_bytes)

    async def remove(self, container_id: str) -> None:
        """Removing a container is harmless when it is gone already, or its removal is
        in progress.
        """
        await asyncio.sleep(0)
        self.removed.append(container_id)
        if self.remove_error is not None:
            raise self._reported(self.remove_error)
        container = self.present.get(container_id)
        if container is None or container.is_being_removed:
            return
        container.is_being_removed = True
        await self.may_remove.wait()
        if container.task is not None:
            container.task.cancel()
            with suppress(asyncio.CancelledError):
                await container.task
        container.stream.end()
        del self.present[container_id]

    async def last_words(self, container_id: str) -> str:
        """How a container ended; one that is gone was removed."""
        await self.may_tell.wait()
        if container_id not in self.present:
            return "removed"
        return "exited (137)" if self.present[container_id].stream.ended else "running (0)"

    async def list_containers(self, label: str) -> list[Seen]:
        """All containers that carry the label (`key=value`)."""
        await self.may_tell.wait()
        bug, self.bug = self.bug, None
        if bug is not None:
            raise bug
        if self.list_error is not None:
            raise self._reported(self.list_error)
        key, _, value = label.partition("=")
        return [
            Seen(one.container_id, one.name, one.state, one.spec.labels, one.created_s)
            for one in self.present.values()
            if one.spec.labels.get(key) == value
        ]

    async def _turn(self) -> Exception | None:
        """The error that the test wants of a start, if any."""
        self._under_way += 1
        self.most_starts_at_once = max(self.most_starts_at_once, self._under_way)
        try:
            if not self._holding:
                await asyncio.sleep(0)
                return None
            ours: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
            self._held.append(ours)
            return await ours
        finally:
            self._under_way -= 1

    def _answer(self, count: int, error: Exception | None) -> None:
        for one in [one for one in self._held if not one.done()][:count]:
            one.set_result(error)

    def _create(self, container_id: str, spec: ContainerSpec) -> FakeContainer:
        name = f"name-{container_id}"
        container = FakeContainer(container_id, name, spec, FakeStream(name))
        self.present[container_id] = container
        container.stream.stdin.feed_data(spec.prelude)
        if self.programs:
            program = self.programs[spec.command[0]](spec, container.stream)
            container.task = asyncio.create_task(program, name=f"program of {name}")
            container.task.add_done_callback(lambda _: container.stream.end())
        else:
            container.stream.say(spec.ready_mark)
        return container

    async def _until_ready(self, container: FakeContainer, spec: ContainerSpec) -> None:
        stream, said = container.stream, b""
        while len(said) < len(spec.ready_mark) and (more := await stream.read()):
            said += more
        if said == spec.ready_mark:
            return
        if stream.ended:
            words = [stream.complaints, await self.last_words(container.container_id)]
            error = EngineError("start", "; ".join(filter(None, words)), image=spec.image)
        else:
            error = EngineError("ready", f"{said!r} instead of the ready mark", image=spec.image)
        raise self._reported(error)

    def _reported(self, error: Exception) -> Exception:
        if isinstance(error, EngineError):
            self._failed(error)
        return error
