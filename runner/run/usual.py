"""What runs of an image usually take: learned from those that lately ended by themselves."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from runner.latest import Latest

RUNS_REMEMBERED = 20  # of an image: a class's last minute
IMAGES_REMEMBERED = 500
_PART = 0.9  # of the runs take no longer than what is usual


@dataclass(frozen=True)
class Usual:
    """Seconds that nearly all runs of an image take no longer than; zeros if nothing is known.

    `run_s` is from the hand-over to the answer, which is what the program is given; `whole_s` is
    from the run's place among those that run at once to its result.
    """

    run_s: float = 0.0
    whole_s: float = 0.0


class UsualTimes:
    """Remembers the latest runs of the images that had some lately.

    A run that was stopped at its limit tells nothing of what runs take, so the caller leaves it
    out: else one learner's endless loop would make others wait for less.
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
    """A high percentile, and of few runs one that a single long one does not decide."""
    in_order = sorted(seconds)
    return in_order[int(_PART * (len(in_order) - 1))]
