"""How many containers to keep, and how few things to do at once."""

from dataclasses import dataclass, field

from pool.sizing import Sizes


@dataclass(frozen=True)
class PoolSettings:
    """Frozen; refuses nonsense when built.

    `host_containers` bounds what all images together keep warm or have leased; `refills_at_once`
    how many background starts run together (a start costs 300 to 400 ms of CPU in the engine); a
    container that dies younger than `shortest_life_s` counts as one that could not start.
    """

    sizes: Sizes = field(default_factory=Sizes)
    host_containers: int = 40
    refills_at_once: int = 2
    shortest_life_s: float = 2.0

    def __post_init__(self) -> None:
        if self.host_containers < 0:
            raise ValueError("host_containers must be 0 or more")
        if self.refills_at_once < 1:
            raise ValueError("refills_at_once must be 1 or more")
