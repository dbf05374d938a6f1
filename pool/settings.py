"""How many containers to keep, and how few things to do at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PoolSettings:
    """Frozen; refuses nonsense when built.

    `target` containers are kept warm per image; `refills_at_once` bounds how many background
    starts run together (a start costs 300 to 400 ms of CPU in the engine); a container that dies
    younger than `shortest_life_s` counts as one that could not start.
    """

    target: int = 3
    refills_at_once: int = 2
    shortest_life_s: float = 2.0

    def __post_init__(self) -> None:
        if self.target < 0:
            raise ValueError("target must be 0 or more")
        if self.refills_at_once < 1:
            raise ValueError("refills_at_once must be 1 or more")
