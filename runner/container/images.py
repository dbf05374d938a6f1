"""Knows the images on this node and what each is like, and has missing ones pulled."""

import asyncio
from collections.abc import Callable

from loguru import logger

from pool import EngineError, ImageEngine, ImageMissingError, Supervisor, Tasks, usual_name
from runner.container.profile import ImageProfile, Surveyor, make_profile, no_survey
from runner.container.pulls import Pulls, PullStatus
from runner.latest import Latest

MOST_PROFILES = 1000

_LISTEN_AGAIN_S = 1.0


class Images:
    """Answers from memory while the engine tells of every change; otherwise it asks the engine.

    `pulls_at_once` pulls run at the same time, and `pulls_queue` more may wait for them. `surveyor`
    looks around in an image, given the volumes that it declares; it raises EngineError.

    `changed` is called when images of the node may have changed. `pulled` is called with the name
    of an image whose pull has ended well. `listening` is called with True when the engine begins to
    tell of changes, and with False when it has stopped telling.
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
        # By image id. A profile that was forgotten costs another look into its image.
        self._profiles: Latest[str, asyncio.Task[ImageProfile]] = Latest(MOST_PROFILES)
        self._tasks = Tasks(supervisor)
        self._pulls = Pulls(
            engine, self._tasks, at_once=pulls_at_once, queue=pulls_queue, pulled=self._has_come
        )
        self.is_listening = False

    def start(self) -> None:
        """Begin to listen for changes, in the background, for ever."""
        self._tasks.loop(self._watch, "image changes")

    async def close(self) -> None:
        """End all that goes on in the background."""
        await self._tasks.cancel()

    async def image_id(self, name: str) -> str | None:
        """The id of the image of that name; None if this node has none. Raises EngineError."""
        name = usual_name(name)
        known = self._ids.get(name)
        if known is not None:
            return known
        changes = self._changes
        try:
            image = await self._engine.image(name)
        except ImageMissingError:
            return None
        self._pulls.is_here(name)
        # The id is remembered only if no change came while the engine was asked, and if the engine
        # will tell of the next change.
        if self.is_listening and changes == self._changes:
            self._ids[name] = image.image_id
        return image.image_id

    async def profile(self, name: str) -> ImageProfile | None:
        """What the image is like; None if it is not on this node. Raises EngineError."""
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
        """Ask the engine anew what this name means.

        To be called when a container of the image could not be made: the image may have gone.
        """
        self._ids.pop(usual_name(name), None)

    async def _profile_of(self, image_id: str, name: str) -> ImageProfile:
        task = self._profiles.get(image_id)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._tasks.start(
                make_profile(self._engine, self._surveyor, image_id),
                f"profile of {name}",
                expected=EngineError,
            )
            self._profiles[image_id] = task
        # Several requests may wait for the same profile, so a request that is cancelled must not
        # cancel it.
        return await asyncio.shield(task)

    def pull(self, name: str) -> None:
        """See Pulls.begin. Raises PullsBusyError."""
        self._pulls.begin(usual_name(name))

    @property
    def pulling(self) -> list[str]:
        """See Pulls.under_way."""
        return self._pulls.under_way

    @property
    def pulls(self) -> dict[str, PullStatus]:
        """See Pulls.statuses."""
        return self._pulls.statuses

    def _has_come(self, name: str) -> None:
        self._forget_names()
        self._pulled(name)

    async def _watch(self) -> None:
        while True:
            try:
                async for _ in self._engine.image_changes():
                    self._listen(True)
                    self._forget_names()
                    self._changed()
            except EngineError as error:
                # The failure was reported where it happened. While the engine tells of no changes,
                # it is asked anew for each name.
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
