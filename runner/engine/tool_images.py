"""Finds the images in which the service's own programs run, Ruby and the launcher.

The settings name an image for each. If the engine lacks it, another takes its place, so that a node
needs nothing but the service.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path

from loguru import logger

from pool import BackOff, EngineError, Folder, Found, Image, ImageEngine, ImageMissingError
from runner.engine.own_image import LABEL
from runner.engine.tool_files import LAUNCHER, ROOTS, RUBY, PackError, Tool, files_of
from runner.threads import beside

# The pauses after a load or a search that has failed. A load writes 150 MB to the engine's disk.
_FIRST_PAUSE_S = 10.0
_LONGEST_PAUSE_S = 600.0
# Each look makes a container that is never started, in some 30 ms.
_MOST_LOOKS = 100


class Source(Enum):
    """Where an image for one of the service's programs came from, in the order of preference."""

    NAMED = "named"  # by the settings
    OWN = "own"  # the image that this very process runs in
    LOADED = "loaded"  # made of this machine's files, and loaded onto the engine
    FOUND = "found"  # some image on the node that has Ruby


@dataclass(frozen=True)
class ChosenImage:
    """The image that a name of the settings stands for on this node."""

    image_id: str
    source: Source

    @property
    def is_own(self) -> bool:
        """Whether the service's own image stands in."""
        return self.source is Source.OWN


def tools_named(*, ruby_image: str, launcher_image: str) -> dict[str, Tool]:
    """The programs that are wanted in an image of each name, which may be the same for both."""
    if ruby_image == launcher_image:
        both = (*RUBY.paths, *LAUNCHER.paths)
        return {ruby_image: replace(RUBY, paths=both)}
    return {ruby_image: RUBY, launcher_image: LAUNCHER}


class ToolImages:
    """Implements pool.engine.ImageEngine; where an image for a tool is missing, another is used.

    `container_id` is that of this very process, if it has one. `tools` says for which names an
    image may be loaded or searched for, and `roots` where their files may be. `chosen` has the
    image that was used for each name.
    """

    def __init__(
        self,
        images: ImageEngine,
        container_id: str | None,
        tools: Mapping[str, Tool],
        roots: Sequence[Path] = ROOTS,
    ) -> None:
        self.chosen: dict[str, ChosenImage] = {}
        self._images = images
        self._container_id = container_id
        self._substitutes = {name: _Substitute(images, tool, roots) for name, tool in tools.items()}

    async def image(self, name: str) -> Image:
        """The image of that name, or what takes its place. Raises ImageMissingError, EngineError.

        A first load of Ruby's files takes seconds.
        """
        try:
            image, source = await self._chosen_for(name)
        except ImageMissingError:
            self.chosen.pop(name, None)
            raise
        self.chosen[name] = ChosenImage(image.image_id, source)
        return image

    async def _chosen_for(self, name: str) -> tuple[Image, Source]:
        try:
            return await self._images.image(name), Source.NAMED
        except ImageMissingError:
            if (own := await self._own()) is not None:
                return own, Source.OWN
            substitute = self._substitutes.get(name)
            found = None if substitute is None else await substitute.image()
            if found is None:
                raise
            return found

    async def _own(self) -> Image | None:
        if self._container_id is None:
            return None
        return await self._images.image_of_container(self._container_id, LABEL)

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """See pool.engine.ImageEngine."""
        return await self._images.image_of_container(container_id, label)

    async def names(self) -> list[str]:
        """See pool.engine.ImageEngine."""
        return await self._images.names()

    async def pull(self, name: str) -> None:
        """See pool.engine.ImageEngine."""
        await self._images.pull(name)

    async def load(self, name: str, archive: AsyncIterable[bytes]) -> None:
        """See pool.engine.ImageEngine."""
        await self._images.load(name, archive)

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """See pool.engine.ImageEngine."""
        return await self._images.read_files(image_id, paths, limit_bytes)

    async def fill_volume(self, name: str, image_id: str, path: str) -> None:
        """See pool.engine.ImageEngine."""
        await self._images.fill_volume(name, image_id, path)

    async def remove_volume(self, name: str) -> None:
        """See pool.engine.ImageEngine."""
        await self._images.remove_volume(name)

    def image_changes(self) -> AsyncIterator[None]:
        """See pool.engine.ImageEngine."""
        return self._images.image_changes()


class _Substitute:
    """Makes or finds an image for one tool. What was made or found is used until it has gone."""

    def __init__(self, images: ImageEngine, tool: Tool, roots: Sequence[Path]) -> None:
        self._images = images
        self._tool = tool
        self._roots = roots
        self._known: tuple[str, Source] | None = None  # a name that has had the tool
        self._pauses = BackOff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._not_before_s = 0.0  # by the loop's clock: when files may be loaded again
        self._without: set[str] = set()  # names of images that were looked into in vain
        self._one_at_a_time = asyncio.Lock()

    async def image(self) -> tuple[Image, Source] | None:
        """The image and where it came from; None if there is none. Raises EngineError."""
        async with self._one_at_a_time:
            if self._known is not None:
                name, source = self._known
                with suppress(ImageMissingError):
                    return await self._images.image(name), source
            self._known = await self._load()
            if self._known is None:
                with suppress(EngineError):  # reported; the image that was asked for is missing
                    self._known = await self._find()
            if self._known is None:
                return None
            name, source = self._known
            logger.bind(image=name, source=source.value).info(
                "an image takes a missing one's place"
            )
            return await self._images.image(name), source

    async def _load(self) -> tuple[str, Source] | None:
        """An image of the tool's files; None if there are none, or the load fails."""
        files = files_of(self._tool, self._roots)
        if files is None or asyncio.get_running_loop().time() < self._not_before_s:
            return None
        name = f"{self._tool.repository}:{await beside(files.fingerprint)}"
        try:
            with suppress(ImageMissingError):
                await self._images.image(name)
                return name, Source.LOADED
            async with files.packed() as archive:
                await self._images.load(name, archive)
        except (EngineError, PackError) as error:
            logger.bind(image=name, reason=str(error)).warning("files were not loaded as an image")
            self._not_before_s = asyncio.get_running_loop().time() + self._pauses.failed()
            return None
        self._pauses.succeeded()
        return name, Source.LOADED

    async def _find(self) -> tuple[str, Source] | None:
        """An image that has one of the tool's folders; None if none is found.

        Raises EngineError, as where a proxy before the engine does not tell of all images.
        """
        names = set(await self._images.names()) if self._tool.folders else set()
        self._without &= names
        for name in sorted(names - self._without, key=_preference)[:_MOST_LOOKS]:
            found = await self._images.read_files(
                (await self._images.image(name)).image_id, self._tool.folders, 0
            )
            if Folder.FILLED in found.values():
                return name, Source.FOUND
            self._without.add(name)
        return None


def _preference(name: str) -> tuple[bool, bool, str]:
    """Sorts first the service that this one replaces, whose image has Ruby, and then by name."""
    return not name.startswith("cyberdojo/runner:"), "ruby" not in name, name
