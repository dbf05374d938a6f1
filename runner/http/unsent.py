"""Bounds the memory of answers that are on their way to their clients."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Room for four of the largest answers. A client that reads takes such an answer within a moment.
MOST_BYTES = 32 * 1024 * 1024


class Unsent:
    """All answers that clients have not taken yet, the oldest first.

    When they take too much memory together, the connections of the oldest are dropped. Otherwise a
    client that asks for much and reads nothing could hold many answers of 8 MiB until their time
    limit ends.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self.held_bytes = 0
        self._most_bytes = most_bytes
        self._answers: dict[object, tuple[int, Callable[[], None]]] = {}

    @contextmanager
    def sending(self, size_bytes: int, drop: Callable[[], None]) -> Iterator[None]:
        """Count an answer of this size, which is sent inside the block.

        `drop` is called, at most once, when there is no memory for the answer any more. A single
        answer is sent whatever its size.
        """
        ours = object()
        self._answers[ours] = (size_bytes, drop)
        self.held_bytes += size_bytes
        try:
            while self.held_bytes > self._most_bytes and len(self._answers) > 1:
                self._forget(next(iter(self._answers)))()
            yield
        finally:
            if ours in self._answers:
                self._forget(ours)

    def _forget(self, answer: object) -> Callable[[], None]:
        size_bytes, drop = self._answers.pop(answer)
        self.held_bytes -= size_bytes
        return drop
