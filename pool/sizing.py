"""How many containers to keep warm: pure functions of counts, settings and the time."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNKNOWN_FILL_S = 1.0  # before the first start: on a busy machine they take that long


@dataclass(frozen=True)
class Sizes:
    """Per image: at least, at most, and how many beside what the rate asks for.

    `keep_s`: how long an image that nobody wants any more keeps its spare ones;
    `cool_down_s`: how long a target stays before it may fall.
    """

    minimum: int = 0
    maximum: int = 12
    spare: int = 2
    keep_s: float = 600.0
    cool_down_s: float = 30.0

    def __post_init__(self) -> None:
        if not 0 <= self.minimum <= self.maximum:
            raise ValueError("minimum must be 0 or more, and maximum not below it")
        if self.spare < 0:
            raise ValueError("spare must be 0 or more")


def p95(fill_times_s: Sequence[float]) -> float:
    """The 95th percentile of the latest times to get warm."""
    if not fill_times_s:
        return UNKNOWN_FILL_S
    ordered = sorted(fill_times_s)
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def wanted(rate: float, fill_s: float, wanted_ago_s: float, sizes: Sizes) -> int:
    """What would be taken while a new one gets warm, and some to spare; none when forgotten."""
    if wanted_ago_s > sizes.keep_s:
        return sizes.minimum
    target = math.ceil(rate * fill_s) + sizes.spare
    return min(max(target, sizes.minimum), sizes.maximum)


@dataclass
class Target:
    """A target that rises at once and falls, by steps, after a cool-down."""

    now: int = 0
    _high_s: float = -math.inf

    def follow(self, wanted_now: int, now_s: float, cool_down_s: float) -> int:
        """The target for now."""
        if wanted_now >= self.now or now_s - self._high_s >= cool_down_s:
            self.now = wanted_now
            self._high_s = now_s
        return self.now


@dataclass(frozen=True)
class Claim:
    """What one image asks of the host."""

    target: int
    wanted_s: float  # when it was wanted last


def share(claims: Mapping[str, Claim], limit: int) -> dict[str, int]:
    """Targets that fit into the host's limit: who was wanted least recently gives way first."""
    left = max(0, limit)
    granted = {}
    for image in sorted(claims, key=lambda image: claims[image].wanted_s, reverse=True):
        granted[image] = min(claims[image].target, left)
        left -= granted[image]
    return granted
