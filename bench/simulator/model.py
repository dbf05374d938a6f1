"""Replicas of the daemon in virtual time: admission, pools and refills, on the pool's decisions.

`SimPool` and `Replica` do, without tasks, what ImagePool and Pools do; their names are the same
where they mean the same. The host, the sizes and the demand are the daemon's own.
"""

import random
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from bench.simulator.clock import Act, Clock, Cores
from bench.simulator.policies import Policy
from bench.simulator.workload import Press
from pool.settings import PoolSettings
from pool.sharing import Claim
from pool.sizing import LONGEST_YIELD_S, may_yield
from pool.starts import SPREAD

NOTICE_EVERY_S = 1.0  # of one image, by one replica
NOTICE_TAKES_S = 0.005
FIRST_IN_S = 60.0
SHORTEST_PAUSE_S = 0.001


@dataclass(frozen=True)
class World:
    """What is there, whatever the policy: each replica has a host of its own, or all share one.

    `in_turns`: the load balancer deals presses out in turns, instead of at random.
    """

    replicas: int = 1
    cores: int = 4
    start_cpu_s: float = 0.35  # the removal that it makes necessary included, docs/benchmarks.md
    refills_at_once: int = PoolSettings().refills_at_once
    queue: int = 60
    one_host: bool = False
    in_turns: bool = False


@dataclass
class Tally:
    """What happened to learners, and what it took; all replicas together."""

    hits: int = 0
    misses: int = 0
    refused: int = 0
    class_hits: int = 0  # of learners in a class, after its first minute
    class_misses: int = 0
    class_misses_by_image: Counter[str] = field(default_factory=Counter)
    first_minute_misses: int = 0
    lone_presses: int = 0
    lone_misses: int = 0
    starts: int = 0
    notices: int = 0
    kept_s: float = 0.0  # of containers, from the begin of their start until taken or let go
    waits_s: list[float] = field(default_factory=list)  # from the press to the container

    def taken(self, press: Press, *, hit: bool) -> None:
        """A press took a container, or found none."""
        self.hits += hit
        self.misses += not hit
        if press.into_class_s is None:
            self.lone_presses += 1
            self.lone_misses += not hit
        elif press.into_class_s < 60:
            self.first_minute_misses += not hit
        else:
            self.class_hits += hit
            self.class_misses += not hit
            self.class_misses_by_image[press.image] += not hit


@dataclass(frozen=True, slots=True)
class Sample:
    """One image of one replica at one time."""

    at_s: float
    rate: float
    target: int
    warm: int
    in_use: int


@dataclass(slots=True)
class _Container:
    began_s: float
    stale_s: float


class _Host:
    """At most `limit` containers: the image that was wanted least recently gives way first."""

    def __init__(self, limit: int, pools: "dict[str, SimPool]") -> None:
        self.limit = limit
        self.containers = 0
        self.leased = 0
        self._pools = pools

    @property
    def running(self) -> int:
        """How many containers are in use."""
        return self.leased

    @property
    def room(self) -> int:
        """How many more fit; negative when there are too many."""
        return self.limit - self.containers

    def make_room(self, wanted: int) -> None:
        """Discard warm ones until that many fit."""
        for _ in range(wanted - self.room):
            with_warm = [pool for pool in self._pools.values() if pool.warm]
            if not with_warm:
                return
            min(with_warm, key=lambda pool: pool.wanted_s).let_go_of_one()

    def run_ended(self) -> None:
        """Refills that waited for it may begin."""
        for pool in list(self._pools.values()):
            pool.fill()


def share(claims: dict[str, Claim], limit: int) -> dict[str, int]:
    """Targets that fit into the limit, by recency."""
    left = max(0, limit)
    granted = {}
    for image in sorted(claims, key=lambda image: claims[image].wanted_s, reverse=True):
        granted[image] = min(claims[image].target, left)
        left -= granted[image]
    return granted


class SimPool:
    """The warm containers of one image on one replica; see ImagePool."""

    def __init__(self, image: str, replica: "Replica") -> None:
        self.image = image
        self.keeper = replica.policy.keeper(image)
        self.target = 0
        self.under_way = 0
        self.leased = 0
        self.queued = 0
        self._replica = replica
        self._clock = replica.clock
        self._host = replica.host
        self._warm: deque[_Container] = deque()
        self._waiting: deque[Act] = deque()
        self._yields_since_s: float | None = None
        self._retry = 0
        self._has_filled = False

    @property
    def warm(self) -> int:
        """How many wait for a run."""
        return len(self._warm)

    @property
    def waiting(self) -> int:
        """How many runs wait for a container."""
        return len(self._waiting)

    @property
    def wanted_s(self) -> float:
        """When it was wanted last."""
        return self.keeper.last_s

    @property
    def asleep(self) -> bool:
        """Whether it has nothing, and nothing comes."""
        return not (self.target or self._warm or self.under_way or self.queued or self._waiting)

    def lease(self, ready: Callable[[bool], None]) -> None:
        """Call `ready` with whether it was a hit: at once if one is warm, else when one is."""
        now_s = self._clock.now_s
        hit = bool(self._warm)
        if hit:
            self._took(self._warm.popleft())
            self._host.containers -= 1
            self._lease()
        else:
            self._waiting.append(lambda: ready(False))
        self.keeper.took(now_s, hit=hit)
        self.keeper.in_use(now_s, self.leased + len(self._waiting))
        if hit:
            self.fill()
            ready(True)
        else:
            self._start_for_who_waits()
            if self._replica.policy.resizes_on_miss:
                self._replica.resize()

    def give_back(self) -> None:
        """A run ended; its container goes."""
        self.leased -= 1
        self._host.leased -= 1
        self._host.containers -= 1
        self.fill()

    def resize(self, target: int) -> None:
        """Keep that many from now on: what is too much or stale goes, what is missing starts."""
        self.target = target
        self._let_go_of_surplus()
        now_s = self._clock.now_s
        for container in [one for one in self._warm if now_s >= one.stale_s]:
            self._warm.remove(container)
            self._discard(container)
        self.fill()

    def let_go_of_one(self) -> None:
        """The oldest warm one makes room for another image's."""
        self._discard(self._warm.popleft())

    def fill(self) -> None:
        """Ask for as many refills as are missing, or later, if runs need the cores more."""
        missing = self._missing()
        if not missing:
            return
        pause_s = self._yield_s()
        if pause_s:
            self._fill_later(pause_s)
            return
        # The first of an image goes alone, see ImagePool.fill.
        for _ in range(missing if self._has_filled else 1 - self.under_way):
            self.queued += 1
            self._replica.submit(self)

    def refill(self, ended: Act) -> bool:
        """It is this refill's turn; whether it starts one, and so will call `ended`."""
        self.queued -= 1
        if not self._missing() or self._host.room <= 0:
            return False
        if self._yield_s():
            self.fill()
            return False
        self._yields_since_s = None
        self._start(ended)
        return True

    def _missing(self) -> int:
        coming = self.under_way + self.queued - len(self._waiting)
        return max(0, self.target - len(self._warm) - max(0, coming))

    def _yield_s(self) -> float:
        if not self._replica.policy.yields:
            return 0.0
        now_s = self._clock.now_s
        since_s = now_s if self._yields_since_s is None else self._yields_since_s
        rate, waited_s = self.keeper.rate(now_s), now_s - since_s
        if not may_yield(self.warm, rate, self._host.running, waited_s=waited_s):
            return 0.0
        self._yields_since_s = since_s
        return LONGEST_YIELD_S - waited_s

    def _fill_later(self, pause_s: float) -> None:
        # A real clock moves on by itself; here a rounding error would be waited for without end.
        pause_s = max(pause_s, SHORTEST_PAUSE_S)
        self._retry += 1
        retry = self._retry
        # Only the latest counts, as the daemon cancels the one before.
        self._clock.at(
            self._clock.now_s + pause_s, lambda: self.fill() if retry == self._retry else None
        )

    def _start_for_who_waits(self) -> None:
        for _ in range(max(0, len(self._waiting) - self.under_way)):
            self._host.make_room(1)
            self._start(lambda: None)

    def _start(self, ended: Act) -> None:
        self.under_way += 1
        self._host.containers += 1
        self._replica.tally.starts += 1
        began_s = self._clock.now_s
        self._replica.cores.run(
            self._replica.world.start_cpu_s, lambda: self._started(began_s, ended)
        )

    def _started(self, began_s: float, ended: Act) -> None:
        now_s = self._clock.now_s
        self.under_way -= 1
        self._has_filled = True
        self.keeper.fill(now_s, now_s - began_s)
        longest_s = PoolSettings.longest_wait_s
        stale_s = now_s + longest_s * (1 - SPREAD * self._replica.rng.random())
        container = _Container(began_s, stale_s)
        ready = self._waiting.popleft() if self._waiting else None
        if ready is None:
            self._warm.append(container)
        else:
            self._took(container)
            self._host.containers -= 1
            self._lease()
        self._let_go_of_surplus()
        self._start_for_who_waits()
        self.fill()
        ended()
        if ready is not None:
            ready()

    def _lease(self) -> None:
        self.leased += 1
        self._host.leased += 1
        self._host.containers += 1

    def _let_go_of_surplus(self) -> None:
        while len(self._warm) > self.target:
            self.let_go_of_one()
        self._host.make_room(0)

    def _discard(self, container: _Container) -> None:
        self._took(container)
        self._host.containers -= 1
        self.fill()

    def _took(self, container: _Container) -> None:
        self._replica.tally.kept_s += self._clock.now_s - container.began_s

    def close(self) -> None:
        """The day is over: what is warm was kept until now."""
        for container in self._warm:
            self._took(container)


class Foreseen(SimPool):
    """An oracle's: each container gets warm at the very time of the press that it is for.

    Its starts take no core from anybody, so nobody can keep less and hit each time.
    """

    def lease(self, ready: Callable[[bool], None]) -> None:
        """A hit."""
        replica = self._replica
        replica.tally.starts += 1
        replica.tally.kept_s += replica.world.start_cpu_s
        self._lease()
        ready(True)


class Replica:
    """One daemon: admission, its pools, its refills, and what it tells the others."""

    def __init__(
        self, world: World, policy: Policy, *, clock: Clock, cores: Cores, tally: Tally, seed: int
    ) -> None:
        self.world = world
        self.policy = policy
        self.clock = clock
        self.cores = cores
        self.tally = tally
        self.rng = random.Random(seed)
        self.siblings: list[Replica] = []
        self.pools: dict[str, SimPool] = {}
        self.host = _Host(policy.host_limit, self.pools)
        self._awake: dict[str, SimPool] = {}
        self._places = world.cores + 1
        self._queue: deque[tuple[Press, float]] = deque()
        self._refills: deque[SimPool] = deque()
        self._refilling = 0
        self._ticking = False
        self._untold: dict[str, int] = {}
        self._told_s: dict[str, float] = {}

    def press(self, press: Press) -> None:
        """A learner's kata: it waits for its turn, for a container, computes, and is gone."""
        if self._places:
            self._enter(press)
        elif len(self._queue) < self.world.queue:
            self._queue.append((press, self.clock.now_s))
        else:
            self.tally.refused += 1

    def hear(self, image: str, takes: float) -> None:
        """A sibling has so many takes for us to expect as well; see Pools.hear."""
        self._pool_of(image).keeper.heard(self.clock.now_s, takes)
        self.resize()

    def expect(self, image: str, *, tell: bool) -> None:
        """It will be wanted soon, see Pools.warm_up; if `tell`, all siblings learn it, too."""
        self._pool_of(image).keeper.expect(self.clock.now_s)
        self.resize()
        for sibling in self.siblings if tell else ():
            self.tally.notices += 1
            sibling.expect(image, tell=False)

    def resize(self) -> None:
        """Let every image have what demand asks for, as far as the host's limit goes."""
        now_s = self.clock.now_s
        claims = {image: pool.keeper.claim(now_s) for image, pool in self._awake.items()}
        targets = share(claims, self.host.limit - self.host.running)
        for image, target in targets.items():
            self.pools[image].resize(target)
        for image, claim in claims.items():
            # Only demand wakes it again: until then the daemon's resize would change nothing.
            if not claim.target and self.pools[image].asleep:
                del self._awake[image]
        self._tick_later()

    def submit(self, pool: SimPool) -> None:
        """A refill, when its turn comes; see Workers."""
        self._refills.append(pool)
        self.clock.at(self.clock.now_s, self._next_refill)

    def close(self) -> None:
        """The day is over."""
        for pool in self.pools.values():
            pool.close()

    def _enter(self, press: Press) -> None:
        self._places -= 1
        image = press.image
        pool = self._pool_of(image)
        self._tell(image)

        def ready(hit: bool) -> None:
            self.tally.waits_s.append(self.clock.now_s - press.at_s)
            self.tally.taken(press, hit=hit)
            if not (self.policy.steady and pool.target):
                self.resize()
            self.cores.run(press.cpu_s, lambda: self._leave(pool))

        pool.lease(ready)

    def _leave(self, pool: SimPool) -> None:
        pool.give_back()
        self.host.run_ended()
        self._places += 1
        if self._queue:
            self._enter(self._queue.popleft()[0])

    def _next_refill(self) -> None:
        while self._refills and self._refilling < self.world.refills_at_once:
            self._refilling += 1
            if not self._refills.popleft().refill(self._refill_ended):
                self._refilling -= 1

    def _refill_ended(self) -> None:
        self._refilling -= 1
        self._next_refill()

    def _tick_later(self) -> None:
        if self._ticking or not self._awake:
            return
        self._ticking = True
        every_s = self.policy.resize_s
        self.clock.at((self.clock.now_s // every_s + 1) * every_s, self._tick)

    def _tick(self) -> None:
        self._ticking = False
        self.resize()

    def _pool_of(self, image: str) -> SimPool:
        pool = self.pools.get(image)
        if pool is None:
            kind = Foreseen if self.policy.foresees else SimPool
            pool = self.pools[image] = kind(image, self)
        self._awake[image] = pool
        return pool

    def _tell(self, image: str) -> None:
        """Of a take; of those within a second of the last notice, together at its end."""
        if not self.policy.told or not self.siblings:
            return
        self._untold[image] = self._untold.get(image, 0) + 1
        if self._untold[image] == 1:
            due_s = self._told_s.get(image, -NOTICE_EVERY_S) + NOTICE_EVERY_S
            if due_s <= self.clock.now_s:
                self._send(image)
            else:
                self.clock.at(due_s, lambda: self._send(image))

    def _send(self, image: str) -> None:
        now_s = self.clock.now_s
        is_first = now_s - self._told_s.get(image, -FIRST_IN_S) >= FIRST_IN_S
        told = len(self.siblings)
        if not (is_first and self.policy.first_to_all):
            told = min(told, self.policy.told)
        takes = self._untold.pop(image) / told
        self._told_s[image] = now_s
        for sibling in self.rng.sample(self.siblings, told):
            self.tally.notices += 1
            self.clock.at(now_s + NOTICE_TAKES_S, lambda to=sibling: to.hear(image, takes))  # type: ignore[misc]


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
    sample_every_s: float = 15.0,
) -> Tally:
    """What comes of these presses. The same arguments give the same tally.

    `sampled`: an image, and the list that gets its samples on the first replica.
    """
    clock, tally = Clock(), Tally()
    one = Cores(clock, world.cores)
    replicas = [
        Replica(
            world, policy, clock=clock, tally=tally, seed=seed * 1000 + number,
            cores=one if world.one_host else Cores(clock, world.cores),
        )
        for number in range(world.replicas)
    ]  # fmt: skip
    for replica in replicas:
        replica.siblings = [other for other in replicas if other is not replica]
    rng = random.Random(seed)
    for number, press in enumerate(presses):
        to = replicas[number % len(replicas)] if world.in_turns else rng.choice(replicas)
        clock.at(press.at_s, lambda to=to, press=press: to.press(press))  # type: ignore[misc]
    if announced is not None:
        told, image, tell = rng.choice(replicas), announced.image, announced.tell
        clock.at(announced.at_s, lambda: told.expect(image, tell=tell))
    if sampled is not None:
        _sample(clock, replicas[0], *sampled, sample_every_s)
    clock.run(until_s)
    for replica in replicas:
        replica.close()
    return tally


def _sample(
    clock: Clock, replica: Replica, image: str, samples: list[Sample], every_s: float
) -> None:
    pool, now_s = replica.pools.get(image), clock.now_s
    if pool is None:
        samples.append(Sample(now_s, 0.0, 0, 0, 0))
    else:
        rate = pool.keeper.rate(now_s)
        samples.append(Sample(now_s, rate, pool.target, pool.warm, pool.leased))
    clock.at(now_s + every_s, lambda: _sample(clock, replica, image, samples, every_s))
