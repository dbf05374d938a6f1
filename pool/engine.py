"""The calls that the pool makes to a container engine, as protocols; see pool/docker_*.py."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from pool.spec import ContainerSpec


class Stream(Protocol):
    """A started container's stdin and stdout. Reading never misses what came between two readers.

    The end of the stream says only that the container (or the connection) ended, never that what
    came before it is complete: framing is its users' business.
    """

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    @property
    def complaints(self) -> str:
        """The first 4 KiB that came over stderr."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once, when the stream ends (at once if it has)."""

    async def write(self, data: bytes) -> None:
        """Send all of `data` to stdin. Raises EngineError when the stream has ended."""

    async def read(self) -> bytes:
        """The bytes that came over stdout since the last read. Waits for some; b"" is the end."""

    async def close(self) -> None:
        """Close the connection. A second call is harmless."""


@dataclass(frozen=True)
class Started:
    """A container that has printed its ready mark."""

    container_id: str
    name: str
    stream: Stream


@dataclass(frozen=True)
class Seen:
    """A container as the engine lists it."""

    container_id: str
    name: str
    state: str  # created, running, exited, dead, removing, ...
    labels: Mapping[str, str]
    created_s: int | None = None  # by the engine's clock, in Unix time; None: it does not say


@dataclass(frozen=True)
class Image:
    """An image on this node; `volumes` are the paths that it declares as such."""

    image_id: str
    volumes: tuple[str, ...] = ()
    architecture: str = ""  # in the engine's words; empty: it does not say


@dataclass(frozen=True)
class Login:
    """A registry's login: a user with a password, or a token. Its `repr` shows neither secret."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


class Folder(Enum):
    """What is found where no file is."""

    FILLED = "a folder that holds something"


Found = bytes | Folder


class ContainerEngine(Protocol):
    """The life of a container. Every call has a time limit and raises EngineError."""

    async def start(self, spec: ContainerSpec) -> Started:
        """Create, attach, start, and wait for the ready mark; nothing is left behind on failure.

        Raises ImageMissingError when the image is gone.
        """

    async def remove(self, container_id: str) -> None:
        """Kill and remove it with its anonymous volumes; harmless when it is gone already."""

    async def output(self, spec: ContainerSpec, limit_bytes: int, limit_s: float) -> bytes:
        """What a container prints until its ready mark, its end, or the end of its time.

        It is cut to so many bytes. The container is removed in the background.
        """

    async def last_words(self, container_id: str) -> str:
        """The engine's words for how the container ended: `exited (137), out of memory`, say."""

    async def list_containers(self, label: str) -> list[Seen]:
        """All containers, in any state, that carry the label (`key=value`)."""

    def works_on(self, seen: Seen) -> bool:
        """Whether it is just making this container, and has not returned it, or removing it."""


class ImageEngine(Protocol):
    """Images of this node. Every call has a time limit and raises EngineError."""

    async def image(self, name: str) -> Image:
        """By one of its names or its id. Raises ImageMissingError."""

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """The image that a container was made of; None if there is none with this label."""

    async def pull(self, name: str) -> None:
        """Fetch it from its registry."""

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """For each path of the image: a file's content, or that it is a folder that is not empty.

        None for what is absent, for an empty folder, for a link that leads nowhere or in a circle,
        and for a file of over `limit_bytes`. The image is not run.
        """

    async def fill_volume(self, name: str, image_id: str, path: str) -> None:
        """Make a volume of what the image has at `path`; one that holds something is left alone.

        The image is not run.
        """

    async def remove_volume(self, name: str) -> None:
        """Harmless when it is gone, or in use."""

    def image_changes(self) -> AsyncIterator[None]:
        """Yields once when listening, then whenever an image came, went or changed its name."""
