"""Simulates a day's presses: replicas of the daemon and a load balancer, in virtual time."""

import asyncio
import random
from dataclasses import dataclass

from bench.simulator import virtual_time
from bench.simulator.cores import Cores
from bench.simulator.policies import Policy
from bench.simulator.replica import Replica, World
from bench.simulator.tally import Sample, Tally
from bench.simulator.workload import Press
from pool import Supervisor

SAMPLE_EVERY_S = 15.0
NIGHT_ENDS_S = 600.0  # a simulation begins at a whole ten minutes


@dataclass(frozen=True)
class Announced:
    """An image was pulled before it is used, through one replica; perhaps it tells its siblings."""

    image: str
    at_s: float
    tell: bool


def simulate(
    presses: list[Press],
    policy: Policy,
    world: World,
    *,
    until_s: float,
    seed: int = 0,
    announced: Announced | None = None,
    sampled: tuple[str, list[Sample]] | None = None,
) -> Tally:
    """The same arguments give the same tally. Raises what a background task of the daemon raised.

    `sampled`: an image, and the list that gets its samples on the first replica.
    """
    # The night before the first press costs nothing but time.
    begin_s = min((press.at_s for press in presses), default=0.0) // NIGHT_ENDS_S * NIGHT_ENDS_S
    day = _day(presses, policy, world, until_s=until_s, announced=announced, sampled=sampled)
    return virtual_time.run(day, seed=seed, begin_s=begin_s)


async def _day(
    presses: list[Press],
    policy: Policy,
    world: World,
    *,
    until_s: float,
    announced: Announced | None,
    sampled: tuple[str, list[Sample]] | None,
) -> Tally:
    tally, shared = Tally(), Cores(world.cores)
    errors: list[BaseException] = []

    def report(_name: str, error: BaseException) -> None:
        errors.append(error)

    asyncio.get_running_loop().set_exception_handler(
        lambda _loop, context: errors.append(context.get("exception") or RuntimeError(context))
    )
    replicas = [
        Replica(
            str(number), world, policy, tally=tally, supervisor=Supervisor(report),
            cores=shared if world.one_host else Cores(world.cores),
        )
        for number in range(world.replicas)
    ]  # fmt: skip
    for replica in replicas:
        replica.siblings = [other for other in replicas if other is not replica]
    async with asyncio.TaskGroup() as running:
        background = []
        if announced is not None:
            running.create_task(_announce(replicas, announced))
        if sampled is not None:
            background.append(running.create_task(_sample(replicas[0], *sampled)))
        await _press(presses, replicas, running, in_turns=world.in_turns)
        await _sleep_until(until_s)
        for task in background:
            task.cancel()
    for replica in replicas:
        await replica.close()
    if errors:
        raise errors[0]
    return tally


async def _press(
    presses: list[Press], replicas: list[Replica], running: asyncio.TaskGroup, *, in_turns: bool
) -> None:
    """Deal the presses out to the replicas, each when its time has come."""
    # Of its own, so that a policy's chance does not change which replica gets a press.
    rng = random.Random(random.random())
    for number, press in enumerate(presses):
        await _sleep_until(press.at_s)
        to = replicas[number % len(replicas)] if in_turns else rng.choice(replicas)
        running.create_task(to.run(press))


async def _announce(replicas: list[Replica], announced: Announced) -> None:
    await _sleep_until(announced.at_s)
    random.choice(replicas).expect(announced.image, tell=announced.tell)


async def _sample(replica: Replica, image: str, samples: list[Sample]) -> None:
    while True:
        samples.append(replica.sample(image))
        await asyncio.sleep(SAMPLE_EVERY_S)


async def _sleep_until(time_s: float) -> None:
    await asyncio.sleep(max(0.0, time_s - asyncio.get_running_loop().time()))
