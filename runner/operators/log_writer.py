"""Writes lines to a descriptor in a thread, and drops lines when their reader is too slow."""

import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable

# After the first line the thread waits for more lines, and writes them together. To wake it for
# each line would double what a run's line costs.
GATHER_S = 0.05
MOST_LINES = 10_000
MOST_BYTES = 8 * 1024 * 1024
AT_ONCE_BYTES = 64 * 1024  # of one write, a single longer line excepted


class LogWriter:
    """A bounded queue of lines, and a thread that writes them in their order.

    When the queue is full, lines are dropped. Once there is room again, `words_for` makes a line of
    their number. May be used from any thread.
    """

    def __init__(
        self,
        descriptor: int,
        words_for: Callable[[int], str],
        *,
        most_lines: int = MOST_LINES,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.dropped = 0
        self._descriptor = descriptor
        self._words_for = words_for
        self._most_lines = most_lines
        self._most_bytes = most_bytes
        self._lines: deque[bytes] = deque()
        self._bytes = 0  # of the lines that wait or are being written
        self._untold = 0
        self._is_broken = False
        self._is_closing = False
        self._is_idle = False  # the thread waits for a first line
        self._change = threading.Condition()
        # A daemon thread, so that a write that never ends does not keep the process from ending.
        self._thread = threading.Thread(target=self._write_on, name="log writer", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line, or drop it and count that; never waits for the descriptor."""
        data = line.encode("utf-8", "replace")
        with self._change:
            self._tell(before=data)
            if self._untold or not self._has_room(data):
                self.dropped += 1
                self._untold += 1
                return
            self._append(data)
            if self._is_idle:
                self._is_idle = False
                self._change.notify_all()

    def close(self, deadline_s: float) -> None:
        """Wait until all lines are written, at most so many seconds. A second call is harmless."""
        until_s = time.monotonic() + deadline_s
        with self._change:
            self._is_closing = True
            self._change.notify_all()
        self._thread.join(max(0.0, until_s - time.monotonic()))

    def _tell(self, before: bytes = b"") -> None:
        """Say how many lines were dropped, if there is room for that beside this line."""
        if self._untold:
            words = self._words_for(self._untold).encode()
            if self._has_room(words + before):
                self._append(words)
                self._untold = 0

    def _has_room(self, data: bytes) -> bool:
        if self._is_broken or len(self._lines) >= self._most_lines:
            return False
        return self._bytes + len(data) <= self._most_bytes

    def _append(self, data: bytes) -> None:
        self._lines.append(data)
        self._bytes += len(data)

    def _write_on(self) -> None:
        while lines := self._next_lines():
            data = b"".join(lines)
            is_written = self._write(data)
            with self._change:
                self._bytes -= len(data)
                if not is_written:
                    self._break(len(lines))

    def _next_lines(self) -> list[bytes]:
        """The next lines, as many as are written together; none at the end."""
        while True:
            with self._change:
                if not self._lines:
                    self._tell()
                if self._lines:
                    return self._taken()
                if self._is_closing:
                    return []
                self._is_idle = True
                while self._is_idle and not self._is_closing:
                    self._change.wait()
            if not self._is_closing:
                time.sleep(GATHER_S)

    def _taken(self) -> list[bytes]:
        lines = [self._lines.popleft()]
        size = len(lines[0])
        while self._lines and size + len(self._lines[0]) <= AT_ONCE_BYTES:
            size += len(self._lines[0])
            lines.append(self._lines.popleft())
        return lines

    def _write(self, data: bytes) -> bool:
        """Write lines. Returns whether the reader took all of them."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:  # another process shares the descriptor, and made it so
                select.select([], [self._descriptor], [])
            except OSError:
                return False
        return True

    def _break(self, unwritten: int) -> None:
        """Drop all lines from now on, because the reader has gone for good (EPIPE, EBADF)."""
        self._is_broken = True
        self.dropped += unwritten + len(self._lines)
        self._lines.clear()
        self._bytes = 0
