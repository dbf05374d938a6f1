"""Images in memory: a node that has some, and a registry that has others."""

import asyncio
import hashlib
import io
import tarfile
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

from pool import EngineError, Found, Image, ImageMissingError


@dataclass(frozen=True)
class FakeImage:
    """One image; `files` are those that a test wants to be found in it."""

    image_id: str
    files: Mapping[str, Found] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()


class FakeImages:
    """Implements pool.engine.ImageEngine.

    Clear `may_pull`, `may_read` or `may_tell` to keep pulls, looks into images, or answers to what
    an image is, waiting. Such an answer tells what was so when it was asked for.

    `bugs` holds errors that nobody foresees: the next call of the method so named raises it. A key
    such as `image ruby:3` means the next call for that image.
    """

    def __init__(self, failed: Callable[[EngineError], None] = lambda error: None) -> None:
        self.on_node: dict[str, FakeImage] = {}
        self.in_registry: dict[str, FakeImage] = {}
        self.pulls: list[str] = []
        self.loads: list[str] = []
        self.reads: list[str] = []
        self.volumes: dict[str, str] = {}  # name -> the id of the image that filled it
        self.bugs: dict[str, Exception] = {}
        # Container id -> the id of the image that it was made of, and its labels.
        self.made_of: dict[str, tuple[str, dict[str, str]]] = {}
        self.may_pull = asyncio.Event()
        self.may_pull.set()
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.may_tell = asyncio.Event()
        self.may_tell.set()
        self.asking = 0
        self.most_asked_at_once = 0
        self.read_s = 0.0  # how long a look into an image takes
        self.reading = 0
        self.most_reads_at_once = 0
        self._failed = failed
        self._listeners: set[asyncio.Queue[bool]] = set()

    def add(
        self, name: str, files: Mapping[str, Found] | None = None, volumes: tuple[str, ...] = ()
    ) -> FakeImage:
        """An image of this name is on the node now; other files make another image id."""
        files = files or {}
        digest = hashlib.sha256(
            repr((name, sorted(map(str, files.items())), volumes)).encode()
        ).hexdigest()
        self.on_node[name] = FakeImage(f"sha256:{digest}", files, volumes)
        self._tell(True)
        return self.on_node[name]

    def remove(self, name: str) -> None:
        """The image is not on the node any more."""
        del self.on_node[name]
        self._tell(True)

    def stop_listening(self) -> None:
        """The stream of changes ends, as when the engine restarts."""
        self._tell(False)

    def has(self, image_id: str) -> bool:
        """Whether a container can be made from an image of this id."""
        return any(image.image_id == image_id for image in self.on_node.values())

    async def image(self, name: str) -> Image:
        """The image of this name or id. Raises ImageMissingError."""
        self._stumble("image", name)
        by_id = {image.image_id: image for image in self.on_node.values()}
        image = self.on_node.get(name) or by_id.get(name)
        self.asking += 1
        self.most_asked_at_once = max(self.most_asked_at_once, self.asking)
        try:
            await self.may_tell.wait()
        finally:
            self.asking -= 1
        if image is None:
            raise ImageMissingError("inspect", f"No such image: {name}", status=404, image=name)
        return Image(image.image_id, image.volumes)

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """The image of a container of somebody else's that a test has put into `made_of`."""
        self._stumble("image_of_container")
        image_id, labels = self.made_of.get(container_id, ("", {}))
        return Image(image_id) if labels.get(label[0]) == label[1] else None

    async def pull(self, name: str) -> None:
        """Fetch an image from the registry. Raises EngineError for what the registry
        does not have.
        """
        self.pulls.append(name)
        await self.may_pull.wait()
        if name not in self.in_registry:
            error = EngineError("pull", f"{name}: not found", status=404, image=name)
            self._failed(error)
            raise error
        self.on_node[name] = self.in_registry[name]
        self._tell(True)

    async def names(self) -> list[str]:
        """The names of all images on the node."""
        self._stumble("names")
        return sorted(self.on_node)

    async def load(self, name: str, archive: AsyncIterable[bytes]) -> None:
        """Make an image of a tar's files. Raises EngineError if the tar is broken."""
        self.loads.append(name)
        self._stumble("load")
        try:
            packed = b"".join([piece async for piece in archive])
            with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
                files = {f"/{one.name}": _content_of(tar, one) for one in tar if one.isfile()}
        except (tarfile.TarError, OSError) as error:
            raise EngineError("load", str(error), image=name) from error
        self.add(name, files)

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """See pool.engine.ImageEngine."""
        self.reads.append(image_id)
        self.reading += 1
        self.most_reads_at_once = max(self.most_reads_at_once, self.reading)
        try:
            await self.may_read.wait()
            await asyncio.sleep(self.read_s)
        finally:
            self.reading -= 1
        for image in self.on_node.values():
            if image.image_id == image_id:
                found = {path: image.files.get(path) for path in paths}
                return {
                    path: None
                    if isinstance(content, bytes) and len(content) > limit_bytes
                    else content
                    for path, content in found.items()
                }
        raise ImageMissingError("read", f"No such image: {image_id}", status=404, image=image_id)

    async def fill_volume(self, name: str, image_id: str, path: str) -> None:
        """Make a volume of an image; a volume that is there is left alone."""
        if not self.has(image_id):
            raise ImageMissingError("read", f"No such image: {image_id}", status=404)
        self.volumes.setdefault(name, image_id)

    async def remove_volume(self, name: str) -> None:
        """Removing a volume is harmless when it is gone."""
        self.volumes.pop(name, None)

    async def image_changes(self) -> AsyncIterator[None]:
        """Yields at once, and after every change."""
        self._stumble("image_changes")
        changes: asyncio.Queue[bool] = asyncio.Queue()
        self._listeners.add(changes)
        try:
            yield
            while await changes.get():
                yield
        finally:
            self._listeners.discard(changes)

    def _stumble(self, method: str, image: str = "") -> None:
        for key in (method, f"{method} {image}"):
            if (bug := self.bugs.pop(key, None)) is not None:
                raise bug

    def _tell(self, goes_on: bool) -> None:
        for changes in self._listeners:
            changes.put_nowait(goes_on)


def _content_of(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> bytes:
    file = tar.extractfile(entry)
    return b"" if file is None else file.read()
