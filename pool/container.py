"""One container from warm to gone."""

from dataclasses import dataclass, field
from enum import Enum

from pool.engine import Stream


class State(Enum):
    """Where a container is in its life."""

    WARM = "warm"
    LEASED = "leased"
    RETURNING = "returning"  # its use is over, and it is getting warm again
    DISCARDED = "discarded"


_LEGAL_MOVES = {
    State.WARM: {State.LEASED, State.DISCARDED},
    # Back to warm: its taker was cancelled before anything was sent.
    State.LEASED: {State.WARM, State.RETURNING, State.DISCARDED},
    State.RETURNING: {State.WARM, State.DISCARDED},
    State.DISCARDED: set[State](),
}


@dataclass(eq=False)
class Container:
    """A container that printed its ready mark at `born_s`, to be replaced at `stale_s`.

    Both by the monotonic clock. `uses` counts its runs; there may be `most_uses`.
    """

    container_id: str
    name: str
    image: str
    stream: Stream = field(repr=False)
    born_s: float
    stale_s: float
    most_uses: int = 1
    state: State = State.WARM
    uses: int = 0

    def move(self, state: State) -> None:
        """Raises ValueError for a move that no container makes."""
        if state not in _LEGAL_MOVES[self.state]:
            raise ValueError(f"{self.name} is {self.state.value}, cannot become {state.value}")
        self.state = state
