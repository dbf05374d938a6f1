"""Containers in memory: each is a coroutine with a stream to it."""

import asyncio
import itertools
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field

from pool import ContainerSpec, EngineError, ImageMissingError, Seen, Started
from tests.fakes.images import FakeImages
from tests.fakes.stream import FakeStream

# What runs in a container: it prints the ready mark, and the container ends when it returns.
Program = Callable[[ContainerSpec, FakeStream], Coroutine[None, None, None]]


@dataclass
class FakeContainer:
    """One container that was started and not removed."""

    container_id: str
    name: str
    spec: ContainerSpec
    stream: FakeStream
    task: asyncio.Task[None] = field(repr=False)
    is_being_removed: bool = False
    created_s: int = field(default_factory=lambda: int(time.time()))

    @property
    def state(self) -> str:
        """As an engine lists it."""
        if self.is_being_removed:
            return "removing"
        return "exited" if self.stream.ended else "running"


class FakeContainers:
    """Implements pool.engine.ContainerEngine.

    Which program runs is told by the first word of the command. `fail_next` holds the errors of
    the next starts; clear `may_start` or `may_remove` to keep starts or removals waiting. `bug`
    is an error that nobody foresees: the next list of containers raises it. What was asked for
    stays in `starts` and `removals`.
    """

    def __init__(
        self,
        images: FakeImages,
        programs: dict[str, Program],
        failed: Callable[[EngineError], None],
    ) -> None:
        self.programs = programs
        self.there: dict[str, FakeContainer] = {}
        self.starts: list[ContainerSpec] = []
        self.removals: list[str] = []
        self.fail_next: list[EngineError] = []
        self.fail_lists: EngineError | None = None
        self.bug: Exception | None = None
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.may_remove = asyncio.Event()
        self.may_remove.set()
        self._images = images
        self._failed = failed
        self._numbers = itertools.count(1)

    def of_image(self, image: str) -> list[FakeContainer]:
        """Those of this image, oldest first."""
        return [one for one in self.there.values() if one.spec.image == image]

    async def start(self, spec: ContainerSpec) -> Started:
        """Raises EngineError, and leaves nothing behind then."""
        self.starts.append(spec)
        await self.may_start.wait()
        if self.fail_next:
            raise self._reported(self.fail_next.pop(0))
        if not self._images.has(spec.image_id):
            raise ImageMissingError(
                "create", f"No such image: {spec.image_id}", status=404, image=spec.image
            )
        container = self._create(spec)
        try:
            said = b""
            while len(said) < len(spec.ready_mark) and (more := await container.stream.read()):
                said += more
        except BaseException:
            await self.remove(container.container_id)
            raise
        if said != spec.ready_mark:
            words = container.stream.complaints or await self.last_words(container.container_id)
            await self.remove(container.container_id)
            raise self._reported(
                EngineError("start", words, image=spec.image, container=container.name)
            )
        return Started(container.container_id, container.name, container.stream)

    async def remove(self, container_id: str) -> None:
        """Harmless when it is gone already, or its removal is in progress."""
        self.removals.append(container_id)
        container = self.there.get(container_id)
        if container is None or container.is_being_removed:
            return
        container.is_being_removed = True
        await self.may_remove.wait()
        await self._end(container)
        del self.there[container_id]

    async def kill(self, container_id: str) -> None:
        """It ends, as if by itself, and is still there."""
        await self._end(self.there[container_id])

    async def last_words(self, container_id: str) -> str:
        """Raises EngineError when it is gone."""
        if container_id not in self.there:
            message = f"No such container: {container_id}"
            raise self._reported(
                EngineError("inspect", message, status=404, container=container_id)
            )
        return "exited (137)" if self.there[container_id].stream.ended else "running (0)"

    async def list_containers(self, label: str) -> list[Seen]:
        """All that carry the label (`key=value`)."""
        bug, self.bug = self.bug, None
        if bug is not None:
            raise bug
        if self.fail_lists is not None:
            raise self._reported(self.fail_lists)
        key, _, value = label.partition("=")
        return [
            Seen(one.container_id, one.name, one.state, one.spec.labels, one.created_s)
            for one in self.there.values()
            if one.spec.labels.get(key) == value
        ]

    def _create(self, spec: ContainerSpec) -> FakeContainer:
        number = next(self._numbers)
        stream = FakeStream(f"fake-{number}")
        program = self.programs[spec.command[0]](spec, stream)
        task = asyncio.create_task(program, name=f"program of {stream.name}")
        task.add_done_callback(lambda _: stream.end())
        container = FakeContainer(f"{number:064x}", stream.name, spec, stream, task)
        self.there[container.container_id] = container
        return container

    async def _end(self, container: FakeContainer) -> None:
        container.task.cancel()
        with suppress(asyncio.CancelledError):
            await container.task
        container.stream.end()

    def _reported(self, error: EngineError) -> EngineError:
        self._failed(error)
        return error
