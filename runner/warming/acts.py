"""What operators may do with an image: have more of its containers warm, or have them discarded."""

from collections.abc import Awaitable, Callable

from loguru import logger

from pool import ContainerSpec, Pools, usual_name
from runner.configuration.allowed_images import AllowedImages

MOST_ASKED = 100  # containers; no setting can allow an image more


class UnknownImageError(Exception):
    """The image is not on this node, or has no containers here; the message says which."""


class Acts:
    """Acts on `pools`. `spec_of` makes the container of an image that is on this node."""

    def __init__(
        self,
        pools: Pools,
        spec_of: Callable[[str], Awaitable[ContainerSpec | None]],
        allowed: AllowedImages,
    ) -> None:
        self._pools = pools
        self._spec_of = spec_of
        self._allowed = allowed

    async def warm(self, image: str, containers: int) -> int:
        """Keep so many containers warm for a while (pool/demand.py), within the settings' limits.

        Returns the pool's target from now on. Raises UnknownImageError, ImageNotAllowedError,
        EngineError, PoolClosedError.
        """
        self._allowed.check(image)
        spec = await self._spec_of(image)
        if spec is None:
            raise UnknownImageError(f"{image} is not on this node")
        self._pools.warm_up(spec, containers)
        pool = self._pools.get(spec.image)
        logger.bind(image=spec.image, containers=containers).info("an operator warms an image")
        return pool.target if pool is not None else 0

    def drain(self, image: str) -> None:
        """Discard the image's warm containers; those in use are discarded when their runs end.

        A later run starts a container again. Raises UnknownImageError.
        """
        name = usual_name(image)
        if self._pools.get(name) is None:
            raise UnknownImageError(f"there are no containers of {name}")
        self._pools.retire(name, "drained by an operator")
        logger.bind(image=name).info("an operator drains an image")
