"""Knows the images on this node and what each is like, and pulls those that are missing."""

import asyncio
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from loguru import logger

from pool import (
    EngineError,
    Folder,
    Image,
    ImageEngine,
    ImageMissingError,
    Supervisor,
    Tasks,
    usual_name,
)
from runner.container.survey import InHome, Place, Survey
from runner.latest import Latest

RED_AMBER_GREEN = "/usr/local/bin/red_amber_green.rb"
_HOME = "/home/sandbox"
_OURS = frozenset((_HOME, "/sandbox", "/tmp"))  # noqa: S108 - each is a tmpfs in any case
_MOST_VOLUMES = 16
_LARGEST_LAMBDA_BYTES = 256 * 1024
_SHOWN = 16
_LISTEN_AGAIN_S = 1.0
_MOST_WANTED = 200
_LONGEST_ERROR = 500  # characters


class Home(StrEnum):
    """The kind of file system that a container gets for /home/sandbox."""

    TMPFS = "tmpfs"  # the image has nothing there, but what every new user's home begins with
    COPIED = "copied"  # the image keeps something there: a writable copy of it


@dataclass(frozen=True)
class ImageProfile:
    """The facts learned of an image, once per image id; `rag_lambda` is None if it has none.

    `empty_volumes` are folders that the image declares as volumes and has nothing in;
    `filled_volumes`, those that it has something in. `is_odd`: it declares others, too, that cannot
    be had anew for each cell of a container, so it needs a container for each run. `places` are
    those outside /sandbox, /tmp, the home and the volumes that the learner's user may write to.
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
        """What the survey found, less what is new for each run in any case."""
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
            "lambda": self.rag_lambda is not None,
            "surveyed": self.survey.is_whole,
        }


Surveyor = Callable[[Image, Sequence[str]], Awaitable[Survey]]


async def no_survey(_image: Image, _volumes: Sequence[str]) -> Survey:
    """Nothing is known of what is inside an image but what the engine reads."""
    return Survey()


@dataclass(frozen=True)
class PullStatus:
    """A pull that is wanted: for how many seconds, how often it was tried, and why it failed last.

    `last_error` is empty until a try has failed.
    """

    since_s: float
    attempts: int
    last_error: str


@dataclass
class _Wanted:
    """An image that was asked for, and has not come yet; `began_s` is by the loop's clock."""

    began_s: float
    attempts: int = 0
    last_error: str = ""


class PullsBusyError(Exception):
    """As many pulls as may be are under way or waiting."""


class Images:
    """Answers from memory while the engine tells us of every change, else by asking it.

    `pulls_at_once` pulls run at the same time, and `pulls_queue` more may wait for them. `surveyor`
    looks around in an image, given the volumes that it declares; it raises EngineError.

    `changed` is called after images of the node may have changed; `pulled` with the name of an
    image whose pull has ended well; `listening` when the engine begins to tell us of changes
    (True), and when it does no more (False).
    """

    def __init__(
        self,
        engine: ImageEngine,
        *,
        changed: Callable[[], None],
        pulled: Callable[[str], None],
        listening: Callable[[bool], None],
        supervisor: Supervisor,
        surveyor: Surveyor = no_survey,
        pulls_at_once: int = 4,
        pulls_queue: int = 60,
    ) -> None:
        self._engine = engine
        self._changed = changed
        self._pulled = pulled
        self._listening = listening
        self._surveyor = surveyor
        self._ids: dict[str, str] = {}  # name -> image id, as far as known to be true
        self._changes = 0
        self._profiles: dict[str, asyncio.Task[ImageProfile]] = {}  # by image id
        self._pulls: dict[str, asyncio.Task[None]] = {}  # by name
        self._wanted: Latest[str, _Wanted] = Latest(_MOST_WANTED)
        self._most_pulls = pulls_at_once + pulls_queue
        self._may_pull = asyncio.Semaphore(pulls_at_once)
        self._tasks = Tasks(supervisor)
        self.is_listening = False

    def start(self) -> None:
        """Begin to listen for changes, in the background, for ever."""
        self._tasks.loop(self._watch, "image changes")

    async def close(self) -> None:
        """End all that goes on in the background."""
        await self._tasks.cancel()

    async def image_id(self, name: str) -> str | None:
        """None when it is not on this node. Raises EngineError."""
        name = usual_name(name)
        known = self._ids.get(name)
        if known is not None:
            return known
        changes = self._changes
        try:
            image = await self._engine.image(name)
        except ImageMissingError:
            return None
        self._wanted_no_more(name)
        # Remembered only if no change came while we asked, and if we shall hear of the next.
        if self.is_listening and changes == self._changes:
            self._ids[name] = image.image_id
        return image.image_id

    def _wanted_no_more(self, name: str) -> None:
        """It is here: somebody else may have brought it."""
        if name not in self._pulls:
            self._wanted.pop(name, None)

    async def profile(self, name: str) -> ImageProfile | None:
        """None when the image is not on this node. Raises EngineError."""
        while (image_id := await self.image_id(name)) is not None:
            # A look into an image takes a while, in which the name may get another image.
            changes = self._changes
            try:
                profile = await self._profile_of(image_id, name)
            except ImageMissingError:
                self.forget(name)
                if await self.image_id(name) == image_id:
                    raise
                continue
            if changes == self._changes or await self.image_id(name) == image_id:
                return profile
        return None

    def forget(self, name: str) -> None:
        """Ask the engine anew what this name means: a container of it could not be made."""
        self._ids.pop(usual_name(name), None)

    async def _profile_of(self, image_id: str, name: str) -> ImageProfile:
        task = self._profiles.get(image_id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._tasks.start(self._probe(image_id), f"probe {name}", expected=EngineError)
            self._profiles[image_id] = task
        # Shielded: several requests may wait for the same probe.
        return await asyncio.shield(task)

    def pull(self, name: str) -> None:
        """See to it that a pull of this image is under way, or waits; one at a time for each.

        Raises PullsBusyError.
        """
        name = usual_name(name)
        if name in self._pulls:
            return
        if len(self._pulls) >= self._most_pulls:
            raise PullsBusyError(f"too many images are being pulled ({len(self._pulls)})")
        wanted = self._wanted.get(name) or _Wanted(asyncio.get_running_loop().time())
        self._wanted[name] = wanted
        wanted.attempts += 1
        task = self._tasks.start(self._pull(name, wanted), f"pull {name}")
        self._pulls[name] = task
        task.add_done_callback(lambda _: self._pulls.pop(name))

    @property
    def pulling(self) -> list[str]:
        """The names of what is being pulled, or waits to be."""
        return sorted(self._pulls)

    @property
    def pulls(self) -> dict[str, PullStatus]:
        """By name, each image that was asked for lately and has not come yet.

        A pull that failed is among them until the image has come, or until many others were asked
        for since.
        """
        now_s = asyncio.get_running_loop().time()
        return {
            name: PullStatus(now_s - one.began_s, one.attempts, one.last_error)
            for name, one in sorted(self._wanted.items())
        }

    async def _pull(self, name: str, wanted: _Wanted) -> None:
        try:
            async with self._may_pull:
                await self._engine.pull(name)
        except EngineError as error:
            # Reported where it failed; the next call tries again.
            wanted.last_error = error.message[:_LONGEST_ERROR]
            return
        self._wanted.pop(name, None)
        self._forget_names()
        self._pulled(name)

    async def _probe(self, image_id: str) -> ImageProfile:
        image = await self._engine.image(image_id)
        volumes = _plain(image.volumes)
        paths = (_HOME, RED_AMBER_GREEN, *volumes)
        # At the same time: a learner may be waiting.
        found, survey = await asyncio.gather(
            self._engine.read_files(image_id, paths, _LARGEST_LAMBDA_BYTES),
            self._surveyor(image, volumes),
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

    async def _watch(self) -> None:
        while True:
            try:
                async for _ in self._engine.image_changes():
                    self._listen(True)
                    self._forget_names()
                    self._changed()
            except EngineError as error:
                # Reported where it failed; while nobody tells us of changes, we ask each time.
                logger.debug("not listening to the engine: {}", error.message)
            finally:
                self._listen(False)
                self._forget_names()
            await asyncio.sleep(_LISTEN_AGAIN_S)

    def _listen(self, is_listening: bool) -> None:
        if is_listening != self.is_listening:
            self.is_listening = is_listening
            self._listening(is_listening)

    def _forget_names(self) -> None:
        self._changes += 1
        self._ids.clear()


def _plain(volumes: Sequence[str]) -> tuple[str, ...]:
    """Those that can be replaced: absolute paths, but for ours; none if there are too many."""
    plain = tuple(
        path
        for path in volumes
        if path.startswith("/") and posixpath.normpath(path) == path != "/" and path not in _OURS
    )
    return plain if len(plain) <= _MOST_VOLUMES else ()


def _are_nested(paths: Sequence[str]) -> bool:
    """Whether one is below another: mounted there, it would have no folder to be mounted on."""
    return any(one.startswith(f"{other}/") for one in paths for other in paths)


def _is_below(path: str, folders: Sequence[str]) -> bool:
    """Whether it is one of the folders, or in one."""
    return any(f"{path}/".startswith(f"{folder}/") for folder in folders)
