"""What an image is like, learned once for each image id."""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from pool import Folder, Image, ImageEngine
from runner.container.survey import InHome, Place, Survey

RED_AMBER_GREEN = "/usr/local/bin/red_amber_green.rb"
_HOME = "/home/sandbox"
_OURS = frozenset((_HOME, "/sandbox", "/tmp"))  # noqa: S108 - every run gets these anew
_MOST_VOLUMES = 16
_LARGEST_LAMBDA_BYTES = 256 * 1024
_SHOWN = 16


class Home(StrEnum):
    """The kind of file system that a container gets for /home/sandbox."""

    TMPFS = "tmpfs"  # the image has nothing there but the files that every new user's home gets
    COPIED = "copied"  # the image keeps something there: a writable copy of it


@dataclass(frozen=True)
class ImageProfile:
    """The facts learned of an image, once per image id; `rag_lambda` is None if it has none.

    The image declares some of its folders as volumes. `empty_volumes` are those in which it has
    nothing, and `filled_volumes` those in which it has something. `is_odd` tells that it declares
    others, too, which cannot be made anew for each cell; such an image needs a container for each
    run. `places` are where else the learner's user may write, outside of /sandbox, /tmp, the home
    and the volumes.
    """

    image_id: str
    home: Home
    rag_lambda: str | None
    empty_volumes: tuple[str, ...] = ()
    filled_volumes: tuple[str, ...] = ()
    is_odd: bool = False
    architecture: str = ""
    survey: Survey = field(default_factory=Survey)

    @property
    def places(self) -> tuple[Place, ...]:
        """The places that the survey found, without those that are new for each run in any case."""
        volumes = (*self.empty_volumes, *self.filled_volumes)
        return tuple(one for one in self.survey.places if not _is_below(one.path, volumes))

    def as_json(self) -> dict[str, Any]:
        """The facts that an operator may want; docs/api.md tells what each means."""
        return {
            "architecture": self.architecture,
            "user": self.survey.user,
            "group": self.survey.group,
            "missing": list(self.survey.missing),
            "home": self.survey.home or "",
            "places": {place.path: place.holds for place in self.places[:_SHOWN]},
            "volumes": [*self.empty_volumes, *self.filled_volumes],
            "warm_up": bool(self.survey.hook),
            "lambda": self.rag_lambda is not None,
            "surveyed": self.survey.is_whole,
        }


Surveyor = Callable[[Image, Sequence[str]], Awaitable[Survey]]


async def no_survey(_image: Image, _volumes: Sequence[str]) -> Survey:
    """A survey that finds nothing: all that is known of an image is then what the engine says."""
    return Survey()


async def make_profile(engine: ImageEngine, surveyor: Surveyor, image_id: str) -> ImageProfile:
    """Learn what an image is like, by the engine and by a survey. Raises EngineError."""
    image = await engine.image(image_id)
    volumes = _plain(image.volumes)
    paths = (_HOME, RED_AMBER_GREEN, *volumes)
    # Both are done at the same time, because a learner may be waiting.
    found, survey = await asyncio.gather(
        engine.read_files(image_id, paths, _LARGEST_LAMBDA_BYTES),
        surveyor(image, volumes),
        return_exceptions=True,  # so that neither goes on when the other has failed
    )
    if isinstance(found, BaseException):
        raise found
    if isinstance(survey, BaseException):
        raise survey
    source = found[RED_AMBER_GREEN]
    has_files = any(isinstance(found[path], bytes) for path in volumes)
    is_bare = found[_HOME] is None or survey.home is InHome.SKELETON
    return ImageProfile(
        image_id,
        Home.TMPFS if is_bare else Home.COPIED,
        source.decode("utf-8", "replace") if isinstance(source, bytes) else None,
        empty_volumes=tuple(path for path in volumes if found[path] is None),
        filled_volumes=tuple(path for path in volumes if found[path] is Folder.FILLED),
        is_odd=not _OURS.union(volumes).issuperset(image.volumes)
        or _are_nested((*_OURS, *volumes))
        or has_files,
        architecture=image.architecture,
        survey=survey,
    )


def _plain(volumes: Sequence[str]) -> tuple[str, ...]:
    """The volumes that can be made anew for each run; none of them if there are too many.

    They are absolute paths, other than the folders that every container gets anew.
    """
    plain = tuple(
        path
        for path in volumes
        if path.startswith("/") and posixpath.normpath(path) == path != "/" and path not in _OURS
    )
    return plain if len(plain) <= _MOST_VOLUMES else ()


def _are_nested(paths: Sequence[str]) -> bool:
    """Whether one path is below another; it would then find no folder to be mounted on."""
    return any(one.startswith(f"{other}/") for one in paths for other in paths)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether the path is one of the folders, or below one."""
    return any(f"{path}/".startswith(f"{folder}/") for folder in folders)
