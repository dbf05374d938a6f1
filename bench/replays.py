"""More images than a host has room for: what is started in vain, and what still hits.

Each replay plays takes, and perhaps siblings' notices, against the daemon's own pools on an engine
in memory and in virtual time: `make bench ARGS=replays`. tests/bench holds them to their bound.
"""

import asyncio
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

from bench.memory import MemoryEngine, settle
from pool import ContainerSpec, Pools, PoolSettings, Sizes, Supervisor

UPKEEP_S = 5.0
# A target that has just risen stays for so long. A replay counts starts that are due to how images
# share the host, and not those due to targets that fall at once when demand does.
COOL_DOWN_S = 30.0
STRANGE_TAKES = 100.0  # so many that an image claims all of a small host
STRANGERS = 2

Order = Callable[[int, random.Random], Iterator[int]]


def in_turn(images: int, _rng: random.Random) -> Iterator[int]:
    """The images one after the other, again and again."""
    while True:
        yield from range(images)


def at_random(images: int, rng: random.Random) -> Iterator[int]:
    """Images by chance, each as often as the others."""
    while True:
        yield rng.randrange(images)


def zipf(images: int, rng: random.Random) -> Iterator[int]:
    """The second image half as often as the first, the third a third as often, and so on."""
    weights = [1 / (number + 1) for number in range(images)]
    while True:
        yield from rng.choices(range(images), weights, k=100)


def in_bursts(images: int, rng: random.Random) -> Iterator[int]:
    """Ten takes of one image, then of another."""
    while True:
        yield from [rng.randrange(images)] * 10


ORDERS: dict[str, Order] = {
    "in turn": in_turn, "at random": at_random, "zipf": zipf, "in bursts": in_bursts,
}  # fmt: skip


@dataclass(frozen=True)
class Replay:
    """So many takes of images in some order, one every `every_s`, so many of them `at_once`.

    `notices`: so many notices come before each take, each of a single take of any of the images.
    `strange_notices`: so many come after all takes, one every `every_s`. They name two images in
    turn that nobody takes, and tell of STRANGE_TAKES takes each.
    """

    order: str
    images: int
    limit: int
    takes: int
    every_s: float = 1.0
    at_once: int = 1
    notices: int = 0
    strange_notices: int = 0
    reusable: bool = False
    seed: int = 1


@dataclass
class Outcome:
    """The counts of a replay; `warm` are the containers at its end of the images with takes."""

    takes: int = 0
    hits: int = 0
    starts: int = 0
    discards: dict[str, int] = field(default_factory=dict)
    warm: dict[str, int] = field(default_factory=dict)

    @property
    def in_vain(self) -> int:
        """Containers that were discarded for other images' sake or with a falling target."""
        return self.discards.get("evicted", 0) + self.discards.get("surplus", 0)


class _Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


async def play(replay: Replay) -> Outcome:
    """Play a replay, and let all work end."""
    rng, clock, engine = random.Random(replay.seed), _Clock(), MemoryEngine()
    sizes = Sizes(cool_down_s=COOL_DOWN_S)
    settings = PoolSettings(sizes=sizes, host_containers=replay.limit, leases_at_once=3)
    errors: list[BaseException] = []
    supervisor = Supervisor(lambda _name, error: errors.append(error))
    pools = Pools(engine, settings, supervisor=supervisor, now_s=clock)
    takes = ORDERS[replay.order](replay.images, rng)
    upkeep_s = clock.now_s

    async def let_pass(seconds: float) -> None:
        nonlocal upkeep_s
        await settle()
        clock.now_s += seconds
        if clock.now_s - upkeep_s >= UPKEEP_S:
            upkeep_s = clock.now_s
            pools.resize()
            await settle()

    for _ in range(0, replay.takes, replay.at_once):
        for _notice in range(replay.notices):
            pools.hear(_spec(rng.randrange(replay.images), replay), takes=1.0)
        await asyncio.gather(*(_run(pools, next(takes), replay) for _ in range(replay.at_once)))
        await let_pass(replay.every_s * replay.at_once)
    for number in range(replay.strange_notices):
        stranger = _spec(replay.images + number % STRANGERS, replay)
        pools.hear(stranger, takes=STRANGE_TAKES)
        await let_pass(replay.every_s)
    outcome = Outcome(starts=engine.starts)
    for image, pool in pools.statistics().items():
        if pool.takes:
            outcome.warm[image] = pool.warm
        outcome.takes += pool.takes
        outcome.hits += pool.hits
        for reason, count in pool.discards.items():
            outcome.discards[reason] = outcome.discards.get(reason, 0) + count
    await pools.close()
    if errors:
        raise errors[0]
    return outcome


async def _run(pools: Pools, image: int, replay: Replay) -> None:
    async with pools.lease(_spec(image, replay)) as lease:
        await settle()
        if replay.reusable:
            lease.reset = _at_once


async def _at_once() -> str:
    return ""


def _spec(image: int, replay: Replay) -> ContainerSpec:
    return ContainerSpec(
        image=f"image-{image}",
        image_id=f"sha256:{image}",
        command=("wait",),
        ready_mark=b"READY\n",
        user="u",
        most_runs=1000 if replay.reusable else 1,
    )


REPLAYS = (
    Replay("in turn", images=2, limit=6, takes=32, every_s=0.1),
    Replay("in turn", images=17, limit=6, takes=17, every_s=0.1),
    Replay("in bursts", images=5, limit=12, takes=90, every_s=0.3, notices=2),
    Replay("in turn", images=1, limit=12, takes=60, every_s=0.3, strange_notices=18),
    Replay("in turn", images=17, limit=6, takes=170),
    Replay("zipf", images=17, limit=6, takes=170),
    Replay("zipf", images=17, limit=6, takes=170, notices=1),
    Replay("zipf", images=17, limit=6, takes=170, at_once=3),
    Replay("zipf", images=17, limit=6, takes=170, reusable=True),
    Replay("zipf", images=60, limit=40, takes=600),
    Replay("at random", images=9, limit=12, takes=180),
    Replay("in bursts", images=5, limit=6, takes=200),
    Replay("in bursts", images=5, limit=6, takes=1000),
    Replay("in bursts", images=5, limit=6, takes=200, reusable=True),
    Replay("in turn", images=3, limit=40, takes=120),
)


async def main() -> int:
    """Print a table."""
    table = Table(
        "order", "every s", "images", "limit", "at once", "notices", "strange", "containers",
        "takes", "hits", "starts", "takes + limit", "in vain",
        title="Replays, in virtual time",
    )  # fmt: skip
    for replay in REPLAYS:
        outcome = await play(replay)
        cells = (
            replay.order, f"{replay.every_s:g}", replay.images, replay.limit, replay.at_once,
            replay.notices, replay.strange_notices, "reusable" if replay.reusable else "single use",
            outcome.takes, outcome.hits, outcome.starts, outcome.takes + replay.limit,
            outcome.in_vain,
        )  # fmt: skip
        table.add_row(*map(str, cells))
    Console(width=140).print(table)
    return 0
