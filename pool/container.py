"""One container of a pool, from its ready mark until it is discarded."""

from dataclasses import dataclass, field
from enum import Enum

from pool.engine import Stream


class State(Enum):
    """Where a container is in its life."""

    WARM = "warm"
    LEASED = "leased"
    RESETTING = "resetting"  # between two runs of a reusable container
    DISCARDED = "discarded"


_LEGAL_MOVES = {
    State.WARM: {State.LEASED, State.DISCARDED},
    # A container is warm again if its caller was cancelled before the hand-over.
    State.LEASED: {State.WARM, State.RESETTING, State.DISCARDED},
    State.RESETTING: {State.WARM, State.DISCARDED},
    State.DISCARDED: set[State](),
}


@dataclass(eq=False)
class Container:
    """A container that printed its ready mark at `born_s`, and must be replaced at `stale_s`.

    Both are times of a monotonic clock. `runs_served` counts its runs; it may serve `most_runs`.
    """

    container_id: str
    name: str
    image: str
    stream: Stream = field(repr=False)
    born_s: float
    stale_s: float
    most_runs: int = 1
    state: State = State.WARM
    runs_served: int = 0

    def move(self, state: State) -> None:
        """Change the state. Raises ValueError for a move that no container makes."""
        if state not in _LEGAL_MOVES[self.state]:
            raise ValueError(f"{self.name} is {self.state.value}, cannot become {state.value}")
        self.state = state
