"""One run's talk with a container of cells: the answer's bytes out of the launcher's records."""

import re

from pool import Stream
from runner.cells.records import BrokenRecordsError, Kind, Records

# Reasons are counted, and their details (exit statuses) would be counted apart.
_DETAIL = re.compile(r" \(.*\)")


class CellStream:
    """Made for a container whose cell waits, over the container's stream."""

    def __init__(self, stream: Stream) -> None:
        self.unfit = ""  # why the container must not be used again, once that is known
        self._stream = stream
        self._records = Records()
        self._answer = bytearray()
        self._is_ready = False

    async def read(self) -> bytes:
        """More of the answer, waiting for some; b"" when none will come."""
        while not self._answer and not self._is_ready and not self.unfit:
            await self._take()
        data = bytes(self._answer)
        self._answer.clear()
        return data

    async def next_cell(self) -> str:
        """Empty as soon as the next cell waits; else why there is none. Its caller has a limit."""
        while not self._is_ready and not self.unfit:
            await self._take()
        return self.unfit

    async def _take(self) -> None:
        data = await self._stream.read()
        if not data:
            self.unfit = "the container ended"
            return
        try:
            records = self._records.feed(data)
        except BrokenRecordsError:
            self.unfit = "not the launcher's words"
            return
        for record in records:
            match record.kind:
                case Kind.ANSWER if not self._is_ready:
                    self._answer += record.data
                case Kind.READY if not self._is_ready:
                    self._is_ready = True
                case Kind.UNFIT:
                    self.unfit = _DETAIL.sub("", record.data.decode(errors="replace"))
                case _:
                    self.unfit = "not the launcher's words"
