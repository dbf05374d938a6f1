"""The service's own image stands in for a missing image with Ruby, or with the launcher of cells.

The service's image holds both programs, so a node needs no other image. The settings name an image
for each of them. If the node lacks it, the image that this very process runs in is used instead.
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from pool import Found, Image, ImageEngine, ImageMissingError

MOUNTS = Path("/proc/self/mountinfo")
# The label by which the service's image is known; the Dockerfile sets it.
LABEL = ("org.opencontainers.image.title", "dojo-runner")

# The engine mounts these files into each of its containers, from a folder with the container's id.
_MOUNTED = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf)\s")


@dataclass(frozen=True)
class ChosenImage:
    """The image that a name of the settings stands for on this node."""

    image_id: str
    is_own: bool


def own_container_id(mounts: str) -> str | None:
    """The id of the container in which this process runs, out of /proc/self/mountinfo; or None."""
    found = _MOUNTED.search(mounts)
    return found[1] if found else None


def read_own_container_id() -> str | None:
    """The id of the container in which this process runs; or None."""
    try:
        return own_container_id(MOUNTS.read_text())
    except OSError:  # no Linux
        return None


class OrOwnImage:
    """Implements pool.engine.ImageEngine; the service's own image stands in for a missing one.

    `chosen` has the image that was used for each name.
    """

    def __init__(self, images: ImageEngine, container_id: str | None) -> None:
        self.chosen: dict[str, ChosenImage] = {}
        self._images = images
        self._container_id = container_id

    async def image(self, name: str) -> Image:
        """The image of that name, or the service's own. Raises ImageMissingError, EngineError."""
        try:
            image, is_own = await self._images.image(name), False
        except ImageMissingError:
            self.chosen.pop(name, None)
            if self._container_id is None:
                raise
            own = await self._images.image_of_container(self._container_id, LABEL)
            if own is None:
                raise
            image, is_own = own, True
        self.chosen[name] = ChosenImage(image.image_id, is_own)
        return image

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """See pool.engine.ImageEngine."""
        return await self._images.image_of_container(container_id, label)

    async def pull(self, name: str) -> None:
        """See pool.engine.ImageEngine."""
        await self._images.pull(name)

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
