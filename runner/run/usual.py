"""How long runs of an image usually take, as its latest runs that ended by themselves show."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from runner.latest import Latest

RUNS_REMEMBERED = 20  # of an image: about as many as a class makes in a minute
IMAGES_REMEMBERED = 500
_PART = 0.9  # the part of the latest runs that took no longer than the usual time


@dataclass(frozen=True)
class Usual:
    """Nine of ten runs of an image take no longer than this; zeros if nothing is known.

    `run_s` reaches from the hand-over to the answer, so it is mostly the program's own time.
    `whole_s` reaches from the moment at which the run got its place to its result.
    """

    run_s: float = 0.0
    whole_s: float = 0.0


class UsualTimes:
    """Remembers the latest runs of each image that was used lately.

    The caller leaves out a run that was stopped at its limit, because it does not show what runs
    of the image take. Otherwise one learner's endless loop would shorten the others' wait for a
    place.
    """

    def __init__(self) -> None:
        self._runs: Latest[str, deque[Usual]] = Latest(IMAGES_REMEMBERED)

    def ended(self, image_id: str, run_s: float, whole_s: float) -> None:
        """A run of this image has ended by itself."""
        runs = self._runs.get(image_id) or deque(maxlen=RUNS_REMEMBERED)
        runs.append(Usual(run_s, whole_s))
        self._runs[image_id] = runs

    def of(self, image_id: str) -> Usual:
        """What runs of this image usually take."""
        runs = self._runs.get(image_id)
        if not runs:
            return Usual()
        return Usual(_usual(one.run_s for one in runs), _usual(one.whole_s for one in runs))


def _usual(seconds: Iterable[float]) -> float:
    """A high percentile; when there are few runs, a single long one does not decide it."""
    in_order = sorted(seconds)
    return in_order[int(_PART * (len(in_order) - 1))]
