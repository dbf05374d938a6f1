"""One replica of the daemon: the real pools, admission and notices, on simulated cores."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from bench.simulator.cores import Cores
from bench.simulator.engine import SimulatedEngine
from bench.simulator.policies import Policy
from bench.simulator.tally import Sample, Tally
from bench.simulator.workload import Press
from pool import ContainerSpec, Pools, Supervisor, Tasks
from pool.demand import Demand
from runner.run.admission import Admission, BusyError
from runner.siblings.listener import Listener
from runner.siblings.notice import RefillNotice
from runner.siblings.teller import Standing, Teller

NOTICE_TAKES_S = 0.005
# A request's budget is 25 s. A kata may take 10 s of it, and its grace and harvest 5 s.
LONGEST_QUEUE_S = 10.0


@dataclass(frozen=True)
class World:
    """The machines, for any policy: each replica has a host of its own, or all share one.

    `cells`: a container serves `cell_runs` runs, with a reset of `reset_cpu_s` after each, instead
    of one run. `in_turns`: the load balancer deals presses out in turns, not at random.
    """

    replicas: int = 1
    cells: bool = False
    cores: int = 4
    start_cpu_s: float = 0.35  # the removal that it makes necessary included, docs/benchmarks.md
    reset_cpu_s: float = 0.005
    cell_runs: int = 500
    queue: int = 60
    one_host: bool = False
    in_turns: bool = False

    def spec_of(self, image: str) -> ContainerSpec:
        """The spec of a container, as the pool gets it."""
        return ContainerSpec(
            image,
            image,
            command=(),
            ready_mark=b"",
            user="",
            most_runs=self.cell_runs if self.cells else 1,
        )


class Replica:
    """Runs what learners press, and tells its siblings. Must be made in a running loop."""

    def __init__(
        self,
        name: str,
        world: World,
        policy: Policy,
        *,
        cores: Cores,
        tally: Tally,
        supervisor: Supervisor,
    ) -> None:
        self.siblings: list[Replica] = []
        self.engine = SimulatedEngine(cores, world.start_cpu_s)
        self._name = name
        self._world = world
        self._policy = policy
        self._cores = cores
        self._tally = tally
        self._loop = asyncio.get_running_loop()
        self._tasks = Tasks(supervisor)
        self._in_use: Counter[str] = Counter()  # by image: runs that have or want a container
        self._used_s = 0.0
        self._teller = Teller[Replica](
            told=policy.told,
            replica=name,
            standing=self._standing,
            ready=lambda: self.siblings,
            send=self._send,
            unix_s=self._loop.time,
        )
        places = world.cores + 1
        self._admission = Admission(places=places, queue=world.queue)
        self._settings = policy.settings(places)
        self._pools = Pools(
            self.engine,
            self._settings,
            supervisor=supervisor,
            taken=self._took,
            demand_of=self._demand_of,
            now_s=self._loop.time,
        )
        self._listener = Listener(
            name, self._pools, self._spec_of, now_s=self._loop.time, unix_s=self._loop.time
        )

    async def run(self, press: Press) -> None:
        """A learner's kata: it waits for its turn, for a container, computes, and is gone."""
        try:
            until_s = self._loop.time() + LONGEST_QUEUE_S
            async with self._admission.turn(lambda: until_s):
                self._in_use[press.image] += 1
                try:
                    await self._run(press)
                finally:
                    self._in_use[press.image] -= 1
        except BusyError:
            self._tally.refused += 1

    def expect(self, image: str, *, tell: bool) -> None:
        """The image was pulled here, see Service.pull_image; if `tell`, the siblings learn it."""
        self._pools.warm_up(self._world.spec_of(image))
        if tell and self.siblings:
            self._teller.announce(image)

    def sample(self, image: str) -> Sample:
        """The state of an image, as siblings are told of it."""
        now_s, pool = self._loop.time(), self._pools.by_image.get(image)
        if pool is None:
            return Sample(now_s, 0.0, 0, 0, 0)
        return Sample(now_s, pool.demand.rate(now_s), pool.target, pool.warm, pool.leased)

    async def hear(self, notice: RefillNotice) -> None:
        """A sibling's notice is on its way, and then it is heard."""
        await asyncio.sleep(NOTICE_TAKES_S)
        await self._listener.hear(notice, notice.replica)

    async def close(self) -> None:
        """The day is over: count the containers that are warm as kept until now."""
        self._teller.close()
        await self._tasks.finish()
        await self._pools.close()
        self._tally.starts += self.engine.starts
        self._tally.warm_s += self.engine.lives_s - self._used_s

    async def _run(self, press: Press) -> None:
        async with self._pools.lease(self._world.spec_of(press.image)) as lease:
            began_s = self._loop.time()
            self._tally.waits_s.append(began_s - press.at_s)
            self._tally.taken(press, hit=lease.hit)
            await self._cores.use(press.cpu_s)
            self._used_s += self._loop.time() - began_s
            if self._world.cells:
                lease.reset = self._reset
        self._tally.runs_s.append(self._loop.time() - began_s)

    async def _reset(self) -> str:
        await self._cores.use(self._world.reset_cpu_s)
        return ""

    def _demand_of(self, spec: ContainerSpec) -> Demand:
        sizes = self._settings.sizes_of(spec)
        return self._policy.demand(spec.image, sizes, lambda: self._in_use[spec.image])

    def _took(self, image: str) -> None:
        if self.siblings and self._policy.told:
            self._teller.took(image)

    async def _spec_of(self, image: str) -> ContainerSpec:
        return self._world.spec_of(image)

    def _standing(self, image: str) -> Standing | None:
        pool, now_s = self._pools.by_image.get(image), self._loop.time()
        if pool is None:
            return None
        demand = pool.demand
        return Standing(demand.taken.at(now_s), demand.started.at(now_s), pool.warm, pool.target)

    def _send(self, notice: RefillNotice, chosen: "Sequence[Replica]") -> None:
        for sibling in chosen:
            self._tally.notices += 1
            self._tasks.start(sibling.hear(notice), "refill notice")
