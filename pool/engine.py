"""The calls that the pool makes to a container engine, as protocols; see pool/docker_*.py."""

from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from pool.spec import ContainerSpec


class Stream(Protocol):
    """A started container's stdin and stdout. A reader gets what came before it, too.

    The end of the stream says only that the container, or the connection, has ended. It does not
    say that the bytes before it are complete, so a reader must find the end of an answer in the
    bytes themselves.
    """

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""

    @property
    def complaints(self) -> str:
        """The first 4 KiB that came over stderr."""

    def on_end(self, callback: Callable[[], None]) -> None:
        """Call back once when the stream ends; at once if it has ended."""

    async def write(self, data: bytes) -> None:
        """Send all of `data` to stdin. Raises EngineError when the stream has ended."""

    async def read(self) -> bytes:
        """The bytes that came over stdout since the last read. Waits for some; b"" is the end."""

    async def close(self) -> None:
        """Close the connection. A second call is harmless."""


@dataclass(frozen=True)
class Started:
    """A container that has printed its ready mark.

    `memory_bytes` is what the container takes after its warm-up; 0 if its spec has no warm-up, or
    if the engine does not say.
    """

    container_id: str
    name: str
    stream: Stream
    memory_bytes: int = 0


@dataclass(frozen=True)
class Seen:
    """A container as the engine lists it."""

    container_id: str
    name: str
    state: str  # created, running, exited, dead, removing, ...
    labels: Mapping[str, str]
    created_s: int | None = None  # Unix time of the engine's clock; None: the engine does not say


@dataclass(frozen=True)
class Image:
    """An image on this node; `volumes` are the paths that it declares as volumes."""

    image_id: str
    volumes: tuple[str, ...] = ()
    architecture: str = ""  # in the engine's words; empty: the engine does not say


@dataclass(frozen=True)
class Login:
    """A registry's login: a user with a password, or a token. Its `repr` shows neither secret."""

    user: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)


class Folder(Enum):
    """The answer for a path that is a folder."""

    FILLED = "a folder that holds something"


Found = bytes | Folder


class ContainerEngine(Protocol):
    """The life of a container. Every call has a time limit and raises EngineError."""

    async def start(self, spec: ContainerSpec) -> Started:
        """Create, attach, start, and wait for the ready mark; nothing is left behind on failure.

        Raises ImageMissingError when the image is gone.
        """

    async def remove(self, container_id: str) -> None:
        """Kill and remove a container with its anonymous volumes; harmless if it is gone."""

    async def output(self, spec: ContainerSpec, limit_bytes: int, limit_s: float) -> bytes:
        """Start a container, and return what it prints on stdout until its ready mark.

        The wait also ends when the container ends, or after `limit_s` seconds. The output is cut
        to `limit_bytes`. The container is removed in the background.
        """

    async def last_words(self, container_id: str) -> str:
        """The engine's words for how the container ended, such as `exited (137), out of memory`."""

    async def list_containers(self, label: str) -> list[Seen]:
        """All containers, in any state, that carry the label (`key=value`)."""

    def works_on(self, seen: Seen) -> bool:
        """Whether the engine is just making the container for us, or removing it."""


class ImageEngine(Protocol):
    """Images of this node. Every call has a time limit and raises EngineError."""

    async def image(self, name: str) -> Image:
        """The image of that name or id. Raises ImageMissingError."""

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """The image of a container; None if there is no such container, or the label is missing."""

    async def names(self) -> list[str]:
        """The names of all images, in alphabetical order."""

    async def pull(self, name: str) -> None:
        """Fetch the image from its registry."""

    async def load(self, name: str, archive: AsyncIterable[bytes]) -> None:
        """Make an image of that name out of the files of a tar.

        If `archive` raises an error, there is no image, and EngineError is raised.
        """

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """For each path of the image, the content of a file, or that it is a folder with files.

        A path has None if it is absent, if it is an empty folder, if it is a link that leads
        nowhere or in a circle, and if it is a file of over `limit_bytes`. The image is not run.
        """

    async def fill_volume(self, name: str, image_id: str, path: str) -> None:
        """Fill a volume with the image's files at `path`, unless it holds something already.

        The image is not run.
        """

    async def remove_volume(self, name: str) -> None:
        """Remove a volume; harmless if it has gone, or is in use."""

    def image_changes(self) -> AsyncIterator[None]:
        """Yields once when listening, then whenever an image came, went or changed its name."""
