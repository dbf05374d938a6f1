"""One container from warm to gone."""

from dataclasses import dataclass, field
from enum import Enum

from pool.engine import Stream


class State(Enum):
    """Where a container is in its life; it only ever moves forward."""

    WARM = "warm"
    LEASED = "leased"
    DISCARDED = "discarded"


_LEGAL_MOVES = {
    State.WARM: {State.LEASED, State.DISCARDED},
    # Back to warm: its taker was cancelled before anything was sent.
    State.LEASED: {State.WARM, State.DISCARDED},
    State.DISCARDED: set[State](),
}


@dataclass(eq=False)
class Container:
    """A container that printed its ready mark at `born_s`, to be replaced at `stale_s`.

    Both by the monotonic clock.
    """

    container_id: str
    name: str
    image: str
    stream: Stream = field(repr=False)
    born_s: float
    stale_s: float
    state: State = State.WARM

    def move(self, state: State) -> None:
        """Raises ValueError for a move that no container makes."""
        if state not in _LEGAL_MOVES[self.state]:
            raise ValueError(f"{self.name} is {self.state.value}, cannot become {state.value}")
        self.state = state
