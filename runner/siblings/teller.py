"""Decides when siblings hear of an image's takes, which of them, and what they hear; no HTTP."""

import asyncio
import math
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from runner.siblings.notice import RefillNotice

BETWEEN_NOTICES_S = 1.0  # about one image: the next notice counts all takes in between
# After such a silence all siblings are told of an image, not only some of them. When a group
# begins, the first misses come too soon to let the news spread from one to the next
# (docs/simulator.md).
SILENCE_S = 60.0
_MOST_TAKES = 1000  # a notice with more would be refused as malformed

S = TypeVar("S")


@dataclass(frozen=True)
class Standing:
    """The state of an image at this replica; see RefillNotice."""

    take_rate: float
    fill_rate: float
    warm: int
    target: int


class Teller(Generic[S]):
    """Counts the takes of this replica, and tells siblings of them. Must be used in a running loop.

    `told` siblings are told of a take, and all that are `ready` of an image's first take in a
    minute. `standing` describes an image, or returns None if it has no pool any more. `send` is
    called with each notice and its recipients, and must not wait. `unix_s` is the time of day.
    """

    def __init__(
        self,
        *,
        told: int,
        replica: str,
        standing: Callable[[str], Standing | None],
        ready: Callable[[], Sequence[S]],
        send: Callable[[RefillNotice, Sequence[S]], None],
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._told = told
        self._replica = replica
        self._standing = standing
        self._ready = ready
        self._send = send
        self._unix_s = unix_s
        # The sequence begins with the time of day, so that it grows across restarts. Otherwise the
        # siblings would take the notices after a restart for old ones.
        self._sequence = int(unix_s() * 1_000_000)
        self._takes: Counter[str] = Counter()
        self._announced: set[str] = set()
        self._pauses: dict[str, asyncio.Handle] = {}
        self._told_s: dict[str, float] = {}  # by image: when a sibling was told last

    def took(self, image: str) -> None:
        """A run took a container of this image."""
        self._takes[image] += 1
        if image not in self._pauses:
            # This is done in the loop's next turn, so that the run goes on first.
            self._pauses[image] = asyncio.get_running_loop().call_soon(self._tell, image)

    def announce(self, image: str) -> None:
        """A client's pull says that takes of this image will come soon; counts as one take."""
        self._announced.add(image)
        self.took(image)

    def close(self) -> None:
        """Tell nobody any more."""
        for pause in self._pauses.values():
            pause.cancel()
        self._pauses.clear()

    def _tell(self, image: str) -> None:
        """Tell some siblings of the takes since the last notice; later takes wait for the pause."""
        takes, standing = self._takes.pop(image, 0), self._standing(image)
        announced = image in self._announced
        self._announced.discard(image)
        if standing is None:
            self._told_s.pop(image, None)
        if not takes or standing is None:
            del self._pauses[image]
            return
        loop = asyncio.get_running_loop()
        self._pauses[image] = loop.call_later(BETWEEN_NOTICES_S, self._tell, image)
        chosen = self._choose(image, loop.time())
        if chosen:
            self._told_s[image] = loop.time()
            notice = self._notice(image, takes, len(chosen), standing, announced=announced)
            self._send(notice, chosen)

    def _choose(self, image: str, now_s: float) -> Sequence[S]:
        ready = self._ready()
        is_news = now_s - self._told_s.get(image, -math.inf) >= SILENCE_S
        return ready if is_news else random.sample(ready, min(self._told, len(ready)))

    def _notice(
        self, image: str, takes: int, told: int, standing: Standing, *, announced: bool
    ) -> RefillNotice:
        self._sequence += 1
        return RefillNotice(
            replica=self._replica,
            image=image,
            takes=min(takes, _MOST_TAKES),
            told=told,
            take_rate=standing.take_rate,
            fill_rate=standing.fill_rate,
            warm=standing.warm,
            target=standing.target,
            sequence=self._sequence,
            sent_at=self._unix_s(),
            announced=announced,
        )
