"""The settings of the pools: how many containers to keep, and how much to do at the same time."""

import math
from dataclasses import dataclass, field, replace

from pool.sizing import Sizes
from pool.spec import ContainerSpec

MIB = 1024 * 1024
# The memory that a warm container takes: bash, docker-init and their shim take 3 to 5 MiB, as
# measured with 20 containers (docs/benchmarks.md). A container whose image brings a warm-up may
# take more; see place_bytes.
WARM_BYTES = 5 * MIB


@dataclass(frozen=True)
class PoolSettings:
    """Frozen. Raises ValueError for settings that make no sense.

    - `host_containers` and `host_memory_bytes` bound the containers of all images together, warm
      ones and leased ones.
    - `leases_at_once`, if given, is how many containers can be in use at the same time.
    - `refills_at_once` bounds the starts in the background that go on together, because a start
      costs the engine much CPU (docs/benchmarks.md, What a container costs the engine).
    - A container that dies younger than `shortest_life_s` counts as one that could not start.
    - A container that has been warm for `longest_wait_s` is replaced, because its tmpfs and other
      things of it may have become stale.
    - `resize_s` is the time between two rounds of the upkeep.
    - An image leaves the books when nobody has wanted it for `forget_s`.
    """

    sizes: Sizes = field(default_factory=Sizes)
    host_containers: int = 40
    host_memory_bytes: int = 1024 * MIB
    leases_at_once: int | None = None
    refills_at_once: int = 2
    shortest_life_s: float = 2.0
    longest_wait_s: float = 3600.0
    resize_s: float = 5.0
    forget_s: float = 3600.0

    def __post_init__(self) -> None:
        if self.host_containers < 0:
            raise ValueError("host_containers must be 0 or more")
        if self.refills_at_once < 1:
            raise ValueError("refills_at_once must be 1 or more")

    def sizes_of(self, spec: ContainerSpec) -> Sizes:
        """The sizes for a pool of such containers.

        A pool of reusable containers needs one more than can be in use at the same time, and no
        further one: while a container is reset after its run, the next run takes that one.
        """
        if not spec.reusable or self.leases_at_once is None:
            return self.sizes
        most = min(self.sizes.maximum, self.leases_at_once + 1)
        return replace(self.sizes, maximum=max(self.sizes.minimum, most))

    @property
    def host_limit(self) -> int:
        """How many containers the host may have, by both bounds."""
        return min(self.host_containers, self.host_memory_bytes // WARM_BYTES)

    @property
    def place_bytes(self) -> float:
        """The host's memory in bytes, divided by its limit: what one place stands for.

        A container that takes more memory takes several places, so that all containers together
        keep within both bounds.
        """
        return self.host_memory_bytes / self.host_limit if self.host_limit else math.inf
