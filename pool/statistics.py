"""The figures of a pool for operators: plain numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

from pool.buckets import Buckets
from pool.spec import ContainerSpec


@dataclass(frozen=True)
class PoolStatistics:
    """One image's pool at one moment, as `ImagePool.statistics` and `Pools.statistics` return it.

    The containers, by what they do now:

    - `warm` containers wait for a run. `starting` ones are on their way, with the refills that wait
      for their turn. `leased` ones are in use or resetting; `resetting` of them are the latter.
    - `target` is how many containers the pool means to keep. It includes those in use only if they
      are reusable.
    - `waiting` counts the callers that wait for a container.
    - `places` is how many of the host's places each container takes; see PoolSettings.

    Moving averages, per second: `take_rate` counts the takes here, `start_rate` the starts, and
    `rate` the takes for which the pool prepares, siblings' notices included.

    Counts since the pool was opened:

    - `hits` and `misses`, which together are all takes.
    - `starts`, and the `failures` among them.
    - `resets`, after which a container was warm again.
    - `discards` by reason; `discarded_after_runs`, the containers among them that had served a run
      or more; and `runs_of_discarded`, the runs that those had served together.

    Starts and their failures:

    - `start_times_s` are the seconds that the latest starts took, the oldest first;
      `start_seconds` has those of all starts.
    - `pause_s` is how long no start will be tried after failures; 0 if one may be tried now.
    - `last_error` is empty once a start has succeeded.
    - `no_warm_up` is the reason why containers are started without the warm-up of their spec;
      empty if they are started with it.
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
    places: int = 1

    @property
    def takes(self) -> int:
        """All takes, whether they found a warm container or not."""
        return self.hits + self.misses
