"""How many containers to keep, and how few things to do at once."""

from dataclasses import dataclass, field, replace

from pool.sizing import Sizes
from pool.spec import ContainerSpec

MIB = 1024 * 1024
# An idle container: bash, docker-init and their shim, 3 to 5 MiB (20 of them, docs/benchmarks.md).
WARM_BYTES = 5 * MIB


@dataclass(frozen=True)
class PoolSettings:
    """Frozen; refuses nonsense when built.

    `host_containers` and `host_memory_bytes` bound what all images together keep warm or have
    leased; `leases_at_once`, if given, how many of them are in use at once; `refills_at_once` how
    many background starts run together (a start costs 300 to 400 ms of CPU in the engine). A
    container that dies younger than `shortest_life_s` counts as one that could not start; one that
    has been warm for `longest_wait_s` is replaced, as is its host's clock, its tmpfs and whatever
    else may have gone stale with it. `resize_s` lies between two rounds of the upkeep. An image
    leaves the books when nobody has wanted it for `forget_s`.
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
        """Of a pool of these: of reusable containers, no more than can be in use are of use.

        One more, as who takes the place of a run that has ended does not wait for its container.
        """
        if not spec.reusable or self.leases_at_once is None:
            return self.sizes
        most = min(self.sizes.maximum, self.leases_at_once + 1)
        return replace(self.sizes, maximum=max(self.sizes.minimum, most))

    @property
    def host_limit(self) -> int:
        """How many containers fit into both bounds."""
        return min(self.host_containers, self.host_memory_bytes // WARM_BYTES)
