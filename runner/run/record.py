"""What operators learn of a run once it has ended: plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass

from runner.kata import NOTHING_KNOWN, Used
from runner.tracing import Trace

ABANDONED = "abandoned"  # the outcome of a run whose client has left; no client sees it


@dataclass(frozen=True)
class RunRecord:
    """One run that has ended.

    - `image` is the name that its pool has, or would have. `is_here` tells whether that image is
      known to be on this node: any client can make up a name.
    - `outcome` is one that clients see, or ABANDONED. `status` and `reason` are empty where there
      is none.
    - `took_s` is the whole run from its arrival. `phases_s` has the seconds of each phase that the
      run got through: queue (for a place), lease (of a container), run, harvest (files), colour,
      again (the same run on a writable root). `before_s` went by before the first phase began, and
      each phase begins when the one before it has ended.
    - `hit` tells whether a warm container was there. When the run got no container it is None, and
      `kind` ("cells" or "single use") and `container` are empty.
    - `bytes_in` is the size of the header and the packed files that went into the container, and
      `bytes_out` that of the archives that came out of it.
    - `used` is what the program took of the machine, as the answer says.
    - `ended_at_s` is a time of the Unix clock, and `trace` has the names of the run's request.
    """

    kata_id: str
    image: str
    is_here: bool
    outcome: str
    status: str
    reason: str
    took_s: float
    phases_s: Mapping[str, float]
    hit: bool | None
    kind: str
    container: str
    bytes_in: int = 0
    bytes_out: int = 0
    used: Used = NOTHING_KNOWN
    before_s: float = 0.0
    ended_at_s: float = 0.0
    trace: Trace | None = None
