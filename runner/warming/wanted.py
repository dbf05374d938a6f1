"""Images that somebody wants: a missing one is pulled, and one that is here is made warm."""

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from pool import ContainerSpec, EngineError, Pools, Supervisor, Tasks, usual_name
from runner.configuration.allowed_images import AllowedImages
from runner.container.images import Images

# The most images that are warmed at the same time. Further images get warm by their first runs.
MOST_AT_ONCE = 100

SpecOf = Callable[[str], Awaitable[ContainerSpec | None]]


class WantedImages:
    """Warms images for a client's pull, a sibling's notice and the settings alike.

    `spec_of` makes the container of an image; None: the image is not on this node. `announce` tells
    the siblings that a group may be about to begin with an image.
    """

    def __init__(
        self,
        images: Images,
        pools: Pools,
        allowed: AllowedImages,
        *,
        spec_of: SpecOf,
        announce: Callable[[str], None],
        supervisor: Supervisor,
    ) -> None:
        self._images = images
        self._pools = pools
        self._allowed = allowed
        self._spec_of = spec_of
        self._announce = announce
        self._tasks = Tasks(supervisor)
        self._under_way: set[tuple[str, str]] = set()  # an act, and the name of its image
        self._is_closed = False

    @property
    def under_way(self) -> int:
        """How many images are being made warm; one that is also to be announced counts twice."""
        return len(self._under_way)

    async def close(self) -> None:
        """End what goes on in the background, and begin nothing. Twice is harmless."""
        self._is_closed = True
        await self._tasks.cancel()

    async def pull(self, name: str) -> str:
        """`pulled` when the image is on this node, else `pulling`.

        Raises ImageNotAllowedError, PullsBusyError, EngineError.
        """
        self._allowed.check(name)
        if await self._images.image_id(name) is None:
            self._images.pull(name)
            return "pulling"
        # A client that asks for an image is about to begin with it, on whichever replica.
        self._begin("expect", self._expect, usual_name(name))
        return "pulled"

    def pulled(self, name: str) -> None:
        """A pull of this image has ended well: warm it."""
        self._begin("warm up", self._warm_up, usual_name(name))

    async def spec_if_allowed(self, name: str) -> ContainerSpec | None:
        """The image's container; None if it is not here, or not allowed. Raises EngineError."""
        return await self._spec_of(name) if self._allowed.allows(name) else None

    async def warm_up_if_here(self, name: str) -> bool:
        """Make an image warm; returns whether it is on this node. Raises EngineError."""
        spec = await self._spec_of(name)
        if spec is not None:
            self._pools.warm_up(spec)
        return spec is not None

    def _begin(
        self, what: str, act: Callable[[str], Coroutine[None, None, None]], name: str
    ) -> None:
        """Begin an act in the background, unless it is under way, or too many are."""
        key = what, name
        if self._is_closed or key in self._under_way or len(self._under_way) >= MOST_AT_ONCE:
            return
        self._under_way.add(key)
        task = self._tasks.start(act(name), f"{what} {name}")
        task.add_done_callback(lambda _: self._under_way.discard(key))

    async def _expect(self, name: str) -> None:
        await self._warm_up(name)
        self._announce(name)

    async def _warm_up(self, name: str) -> None:
        with suppress(EngineError):  # reported where it failed
            await self.warm_up_if_here(name)
