"""Keeps the holders: containers whose networks the daemon lends to containers that it starts.

A start in a network that is lent costs the engine half the CPU.
"""

import asyncio
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from loguru import logger

from pool import (
    BackOff,
    ContainerEngine,
    ContainerSpec,
    EngineError,
    Image,
    ImageEngine,
    ImageMissingError,
    NetworkHolder,
    Networks,
    Supervisor,
    Tasks,
)
from runner.container.network_holder import HOSTNAME, holder_spec, trial_spec

# How long the daemon waits before it makes a holder. Meanwhile the start that found no network to
# borrow has the engine for itself.
GROW_S = 1.0
# The pauses after a holder has ended by itself, or could not be made. On a host where no holder can
# be made, each try costs a start and a line in the log; the last pause bounds them to one each ten
# minutes.
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 600.0

TRIAL_S = 10.0
_LONGEST_NUMBER_BYTES = 32


@dataclass(frozen=True)
class NetworksStatus:
    """There are `holders`, and there may be `most`.

    `why_no_more` is the reason why no further holder can be made; empty if one can.
    """

    holders: int
    most: int
    why_no_more: str


class NetworkHolders:
    """Makes one more holder, `most` in all, whenever a start has found no network to borrow.

    So a service that starts nothing has none, and holders that have ended are made anew when they
    are missed. Must be made in a running loop.
    """

    def __init__(
        self,
        containers: ContainerEngine,
        images: ImageEngine,
        networks: Networks,
        *,
        most: int,
        image: str,
        runtime: str,
        labels: Mapping[str, str],
        supervisor: Supervisor,
        grow_s: float = GROW_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self._containers = containers
        self._images = images
        self._networks = networks
        self._most = most
        self._image = image
        self._runtime = runtime
        self._labels = dict(labels)
        self._grow_s = grow_s
        self._holders: dict[str, NetworkHolder] = {}  # by the container's id
        self._pauses = BackOff(first_pause_s, LONGEST_PAUSE_S)
        self._not_before_s = 0.0  # by the loop's clock
        self._are_missed = False
        self._said: str | None = None
        self._news = asyncio.Event()
        self._tasks = Tasks(supervisor)

    def start(self) -> None:
        """Begin to make holders when they are missed, one after the other."""
        if self._most:
            self._networks.missed = self.missed
            self._tasks.loop(self._keep_for_ever, "network holders")

    def missed(self) -> None:
        """A start has found no network to borrow."""
        self._are_missed = True
        self._news.set()

    def look_again(self) -> None:
        """Try again: images have changed, or the engine is back."""
        self._pauses.succeeded()
        self._not_before_s = 0.0
        self._news.set()

    @property
    def status(self) -> NetworksStatus:
        """The state of the holders, for operators."""
        works = sum(one.works for one in self._holders.values())
        return NetworksStatus(works, self._most, self._said or "")

    def holds(self, container_id: str) -> bool:
        """Whether the container is a holder."""
        return container_id in self._holders

    async def close(self) -> None:
        """End all holders. Twice is harmless."""
        await self._tasks.cancel()
        await self._networks.close()
        for holder in [*self._holders.values()]:
            await self._remove(holder)

    async def _keep_for_ever(self) -> None:
        now_s = asyncio.get_running_loop().time
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._pause_s()):
                    await self._news.wait()
            self._news.clear()
            for holder in [one for one in self._holders.values() if not one.works]:
                await self._remove(holder)
                # The engine may be going down.
                self._not_before_s = now_s() + self._pauses.failed()
            if self._may_grow and now_s() >= self._not_before_s:
                await self._add_one()

    @property
    def _may_grow(self) -> bool:
        return self._are_missed and len(self._holders) < self._most

    def _pause_s(self) -> float | None:
        """The seconds until a missed holder may be made; None: wait for news without a limit."""
        if not self._may_grow or self._not_before_s == math.inf:
            return None
        return max(0.0, self._not_before_s - asyncio.get_running_loop().time())

    async def _add_one(self) -> None:
        await asyncio.sleep(self._grow_s)
        self._are_missed = False
        try:
            image = await self._images.image(self._image)
            await self._make(image)
        except ImageMissingError:
            self._say(f"{self._image} is not on this node", "INFO")
            self._not_before_s = math.inf  # until images change
            self._are_missed = True
        except EngineError as error:  # reported
            self._say(error.message, "WARNING")
            self._not_before_s = asyncio.get_running_loop().time() + self._pauses.failed()
        else:
            self._say("", "INFO")

    async def _make(self, image: Image) -> None:
        """Raises EngineError."""
        spec = holder_spec(self._image, image.image_id, self._labels)
        started = await self._containers.start(spec)
        holder = NetworkHolder(started, HOSTNAME, ended=self._news.set)
        is_first = not any(one.works for one in self._holders.values())
        self._holders[holder.container_id] = holder
        try:
            await holder.renew()
            if is_first:
                await self._check(spec, holder)
        except BaseException:
            await self._remove(holder)
            raise
        self._networks.add(holder)

    async def _check(self, spec: ContainerSpec, holder: NetworkHolder) -> None:
        """Check that this engine starts a container in the holder's newest network.

        Otherwise containers would share one network. Raises EngineError if it does not.
        """
        trial = trial_spec(spec, holder, self._runtime)
        said = await self._containers.output(trial, _LONGEST_NUMBER_BYTES, TRIAL_S)
        if said.strip() != holder.number.encode():
            message = f"a container in network {holder.number} is in {said.strip()!r}"
            raise EngineError("network", message, container=holder.container_id)
        await holder.renew()

    async def _remove(self, holder: NetworkHolder) -> None:
        await holder.close()
        try:
            with suppress(EngineError):  # reported; the sweep will remove the container
                await self._containers.remove(holder.container_id)
        finally:
            self._holders.pop(holder.container_id, None)

    def _say(self, why_not: str, level: str) -> None:
        if why_not == self._said:
            return
        self._said = why_not
        if why_not:
            logger.bind(reason=why_not).log(
                level, "no networks are lent: the engine makes one for each container"
            )
        else:
            logger.info("containers are started in networks that are lent to them")
