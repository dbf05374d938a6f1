"""Several images on one host, in any order of events: the host's limit holds, nothing is lost."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule

from pool import ContainerSpec, Pools, PoolSettings, Sizes
from pool.settings import WARM_BYTES
from tests.examples import examples

from .conftest import SPEC, settle
from .machine import Caller, Machine

LIMIT = 3  # few, so that it is reached often
MOST_OF_AN_IMAGE = 4
# What a container takes of each image; one of "c" takes two places.
BYTES = {"a": 0, "b": WARM_BYTES, "c": 2 * WARM_BYTES}
SPECS = [replace(SPEC, image=name, image_id=f"sha256:{name}") for name in BYTES]

specs = st.sampled_from(SPECS)


class HostMachine(Machine):
    """Pools of three images on an engine whose every start waits for a rule."""

    async def _open(self) -> None:
        self.engine.memory_bytes |= BYTES
        sizes = Sizes(minimum=0, maximum=MOST_OF_AN_IMAGE, spare=1)
        self.pools = Pools(
            self.engine,
            PoolSettings(sizes=sizes, host_containers=LIMIT, host_memory_bytes=LIMIT * WARM_BYTES),
            supervisor=self.supervisor,
            now_s=self.clock,
        )

    @rule(spec=specs)
    def take(self, spec: ContainerSpec) -> None:
        """A caller asks for a container of this image."""

        async def act() -> None:
            self.callers.append(Caller(self.pools.lease(spec)))

        self.go(act())

    @rule(spec=specs, takes=st.floats(0, 1000))
    def hear_a_notice(self, spec: ContainerSpec, takes: float) -> None:
        """A sibling tells of takes."""

        async def act() -> None:
            self.pools.hear(spec, takes)

        self.go(act())

    @rule(spec=specs)
    def warm_up(self, spec: ContainerSpec) -> None:
        """A pool is asked for before anybody takes from it."""

        async def act() -> None:
            self.pools.warm_up(spec)

        self.go(act())

    @rule(spec=specs)
    def retire(self, spec: ContainerSpec) -> None:
        """The image is gone."""

        async def act() -> None:
            self.pools.retire(spec.image, "image was removed")

        self.go(act())

    @rule(seconds=st.sampled_from([0.5, 2.0, 40.0, 700.0, 4000.0]))
    def time_passes(self, seconds: float) -> None:
        """Demand fades, containers grow old, and targets are decided anew."""

        async def act() -> None:
            self.clock.advance(seconds)
            self.pools.resize()

        self.go(act())

    @rule()
    def all_settles(self) -> None:
        """All that can happen without the test happens."""
        self.go(settle())

    @invariant()
    def no_image_passes_its_maximum(self) -> None:
        """However large the demand, an image keeps no more warm than its maximum."""
        assert all(pool.warm <= MOST_OF_AN_IMAGE for pool in self.pools.by_image.values())

    @invariant()
    def the_hosts_limit_holds(self) -> None:
        """Above it is only what learners use or wait for."""
        pools = self.pools.by_image.values()
        warm = sum(pool.warm for pool in pools)
        places = sum(
            pool.stake.places * (pool.warm + pool.under_way + pool.leased) for pool in pools
        )
        assert places <= LIMIT or not warm

    @invariant()
    def the_targets_fit_into_the_host(self) -> None:
        """Whatever was learnt of the memory of containers that were started before."""
        pools = self.pools.by_image.values()
        assert sum(pool.stake.places * pool.target for pool in pools) <= LIMIT

    def teardown(self) -> None:
        """When all callers have gone each pool is full, and closing leaves no container behind."""

        async def act() -> None:
            await self.end_all()
            self.pools.forgive()
            self.pools.resize()
            await settle()
            pools = self.pools.by_image.values()
            assert all(pool.leased == pool.starting == 0 for pool in pools)
            assert all(pool.warm == pool.target for pool in pools)
            assert len(self.engine.present) == sum(pool.warm for pool in pools)
            assert sum(pool.stake.places * pool.warm for pool in pools) <= LIMIT
            await self.pools.close()
            assert not self.engine.present

        self.go(act())
        self.loop.close()


class TestHost(HostMachine.TestCase):  # type: ignore[valid-type,misc]
    """The rules above, in any order."""

    settings = settings(max_examples=examples(100), stateful_step_count=40)
