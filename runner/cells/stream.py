"""One run's talk with a container of cells: the answer, and whether the container is fit."""

import re

from pool import Stream
from runner.cells.records import BrokenRecordsError, Kind, Record, Records
from runner.container.answer import LARGE_ANSWER_BYTES, LARGEST_ANSWER_BYTES

# Operators get a count for each reason. Details such as exit statuses are cut off, because each of
# them would be a reason of its own.
_DETAIL = re.compile(r" \(.*\)")

_NOT_ITS_WORDS = "not the launcher's words"


class CellStream:
    """One run's view of the container's stream. Make it while a cell waits for a hand-over."""

    def __init__(self, stream: Stream, largest_bytes: int = LARGEST_ANSWER_BYTES) -> None:
        self.unfit = ""  # why the container must serve no further run; empty as long as it may
        self._stream = stream
        self._largest_bytes = largest_bytes
        self._records = Records()
        self._answer = bytearray()
        self._ended: Kind | None = None
        self._is_ready = False

    @property
    def has_begun(self) -> bool:
        """Whether some of the answer is there: the program has ended, and its files are read."""
        return bool(self._answer)

    @property
    def is_complete(self) -> bool:
        """Whether the launcher has said that the answer is whole."""
        return self._ended is not None

    @property
    def is_large(self) -> bool:
        """Whether the answer is large: only a few such answers are read at the same time."""
        return len(self._answer) > LARGE_ANSWER_BYTES

    @property
    def is_too_large(self) -> bool:
        """Whether reading on would cost more than any learner's output is worth."""
        return len(self._answer) > self._largest_bytes

    @property
    def timed_out(self) -> bool:
        """Whether the learner's time was over before the program ended."""
        return self._ended is Kind.TIMED_OUT

    def archives(self) -> bytes:
        """The answer, as far as it came."""
        return bytes(self._answer)

    async def receive(self) -> bool:
        """Wait for more of the answer; False if no more will come."""
        await self._take()
        return self.is_complete or not self.unfit

    async def next_cell(self) -> str:
        """Wait until the next cell waits for files, without a time limit.

        Returns an empty text, or the reason why no cell will come.
        """
        while not self._is_ready and not self.unfit:
            await self._take()
        return self.unfit

    async def _take(self) -> None:
        data = await self._stream.read()
        if not data:
            self.unfit = self.unfit or "the container ended"
            return
        try:
            for record in self._records.feed(data):
                self._heed(record)
        except BrokenRecordsError:
            self.unfit = _NOT_ITS_WORDS

    def _heed(self, record: Record) -> None:
        match record.kind:
            case Kind.ANSWER if not self.is_complete:
                self._answer += record.data
            case Kind.DONE | Kind.TIMED_OUT if not self.is_complete:
                self._ended = record.kind
            case Kind.READY if self.is_complete and not self._is_ready:
                self._is_ready = True
            case Kind.UNFIT:
                self.unfit = _DETAIL.sub("", record.data.decode(errors="replace"))
            case _:
                self.unfit = _NOT_ITS_WORDS
