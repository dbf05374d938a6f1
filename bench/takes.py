"""Measures one take in the daemon's own process, with few and many images; needs no engine."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable

from rich.console import Console
from rich.table import Table

from bench.memory import MemoryEngine, settle
from pool import ContainerSpec, Pools, PoolSettings, Sizes, Supervisor

IMAGES = (10, 100, 400)
ACTS = 300  # in a round
ROUNDS = 7


class Rig:
    """Pools of so many images, all of them warm, on an engine in memory and in virtual time.

    With a `limit` per image that is lower than what images claim, they compete.
    """

    def __init__(self, images: int, limit_each: float) -> None:
        self._now_s = 1000.0
        self._specs = [_spec(number) for number in range(images)]
        self._turn = 0
        self.errors: list[BaseException] = []
        self.pools = Pools(
            MemoryEngine(),
            PoolSettings(
                sizes=Sizes(),
                host_containers=int(images * limit_each),
                host_memory_bytes=2**40,
                resize_s=1e6,
            ),
            supervisor=Supervisor(lambda _name, error: self.errors.append(error)),
            now_s=lambda: self._now_s,
        )

    async def warm(self) -> None:
        """Announce every image, so that each gets its share of the containers."""
        for spec in self._specs:
            self.pools.warm_up(spec)
        for _ in range(len(self._specs)):
            await settle()

    async def take(self) -> None:
        """A run from lease to removal and refill, and all that happens in the background."""
        async with self.pools.lease(self._next()):
            await asyncio.sleep(0)
        for _turn in range(8):
            await asyncio.sleep(0)

    async def hear(self) -> None:
        """A sibling's notice."""
        self.pools.hear(self._next(), takes=0.25)
        for _turn in range(8):
            await asyncio.sleep(0)

    async def warm_up(self) -> None:
        """A client says that takes of the image will begin."""
        self.pools.warm_up(self._next())
        for _turn in range(8):
            await asyncio.sleep(0)

    async def upkeep(self) -> None:
        """One round of the upkeep, which comes every five seconds."""
        self._now_s += 5.0
        self.pools.resize()
        await asyncio.sleep(0)

    def _next(self) -> ContainerSpec:
        self._now_s += 0.5
        # The acts are mixed. One after the other, the images at the end would grow cold.
        self._turn = (self._turn * 5 + 1) % 1_000_003
        return self._specs[self._turn % len(self._specs)]


def _spec(number: int) -> ContainerSpec:
    return ContainerSpec(
        image=f"image-{number}",
        image_id=f"sha256:{number}",
        command=("wait",),
        ready_mark=b"READY\n",
        user="u",
    )


async def measure(limit_each: float) -> dict[str, dict[int, float]]:
    """Microseconds of processor time by act and number of images: medians of rounds in turn."""
    rigs = {images: Rig(images, limit_each) for images in IMAGES}
    for rig in rigs.values():
        await rig.warm()
    rounds: dict[str, dict[int, list[float]]] = {
        name: {images: [] for images in IMAGES} for name in ("take", "hear", "warm_up", "upkeep")
    }
    for _ in range(ROUNDS):
        for name, by_images in rounds.items():
            for images, found_us in by_images.items():
                acts = 5 if name == "upkeep" else ACTS
                found_us.append(await _each_us(getattr(rigs[images], name), acts))
    for rig in rigs.values():
        await rig.pools.close()
        if rig.errors:
            raise rig.errors[0]
    return {
        name: {images: statistics.median(found_us) for images, found_us in by_images.items()}
        for name, by_images in rounds.items()
    }


async def _each_us(act: Callable[[], Awaitable[None]], times: int) -> float:
    began_s = time.process_time()
    for _ in range(times):
        await act()
    return (time.process_time() - began_s) / times * 1e6


async def main(console: Console) -> None:
    """Print a table for images that have room and one for images that compete."""
    for limit_each, what in ((4.0, "room for all claims"), (1.0, "a third of the room")):
        table = Table(
            "act", *(f"{images} images" for images in IMAGES), "last / first",
            title=f"microseconds of CPU, {what}",
        )  # fmt: skip
        for name, found_us in (await measure(limit_each)).items():
            times = [found_us[images] for images in IMAGES]
            cells = [f"{each_us:.0f}" for each_us in times]
            table.add_row(name, *cells, f"{times[-1] / times[0]:.2f}")
        console.print(table)
