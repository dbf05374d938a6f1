"""Answers on their way to their clients: how much memory they may take together."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Four of the largest answers. A client that reads has such a one within a moment.
MOST_BYTES = 32 * 1024 * 1024


class Unsent:
    """All answers that clients have not taken yet, oldest first.

    When they take too much memory together the oldest are given up: a client that asks for much
    and reads nothing would otherwise hold an answer of 8 MiB for as long as it may take to read it.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.held_bytes = 0
        self._most_bytes = most_bytes
        self._answers: dict[object, tuple[int, Callable[[], None]]] = {}

    @contextmanager
    def sending(self, size_bytes: int, give_up: Callable[[], None]) -> Iterator[None]:
        """An answer of this size is sent inside of the block.

        `give_up` is called, at most once, when there is no memory for it any more. A single answer
        is sent whatever its size.
        """
        ours = object()
        self._answers[ours] = (size_bytes, give_up)
        self.held_bytes += size_bytes
        try:
            while self.held_bytes > self._most_bytes and len(self._answers) > 1:
                self._forget(next(iter(self._answers)))()
            yield
        finally:
            if ours in self._answers:
                self._forget(ours)

    def _forget(self, answer: object) -> Callable[[], None]:
        size_bytes, give_up = self._answers.pop(answer)
        self.held_bytes -= size_bytes
        return give_up
