"""Figures of a pool for operators: plain numbers, read from its insides in one place."""

from collections.abc import Mapping
from dataclasses import dataclass

from pool.buckets import Buckets
from pool.spec import ContainerSpec


@dataclass(frozen=True)
class PoolStatistics:
    """One image's pool at one moment, as `ImagePool.statistics` and `Pools.statistics` return it.

    Containers by what they do now: `warm` ones wait for a run; `starting` ones are on their way,
    refills that wait for their turn included; `leased` ones are in use or resetting, of which
    `resetting` are the latter. `waiting` counts the callers that wait for a container. `target` is
    how many containers the pool means to keep; it includes those in use only if they are reusable.

    Per second, as moving averages: `take_rate` is what was taken here, `start_rate` what was
    started, and `rate` the takes that the pool prepares for, siblings' notices included.

    Counted since the pool was opened: `hits` and `misses` (together all takes); `starts` and those
    of them that were `failures`; `resets`, after which a container was warm again; `discards` by
    reason; `discarded_after_runs`, the discarded containers that had served a run or more, and
    `runs_of_discarded`, the runs that they had served together. `start_times_s` are the seconds
    that the latest starts took, the oldest first, and `start_seconds` has all of them. `pause_s` is
    how long no start is tried after failures; 0 while starts may be. `last_error` is empty once a
    start has succeeded. `no_warm_up` is the reason why containers are started without the warm-up
    of their spec; empty if they are not.
    """

    spec: ContainerSpec
    warm: int
    starting: int
    leased: int
    resetting: int
    waiting: int
    target: int
    take_rate: float
    start_rate: float
    rate: float
    hits: int
    misses: int
    starts: int
    failures: int
    resets: int
    discarded_after_runs: int
    runs_of_discarded: int
    discards: Mapping[str, int]
    start_times_s: tuple[float, ...]
    start_seconds: Buckets
    pause_s: float
    last_error: str
    no_warm_up: str = ""

    @property
    def takes(self) -> int:
        """All takes, whether they found a warm container or not."""
        return self.hits + self.misses
