"""Records: the launcher writes nothing else, so that no cell can speak in its place.

docs/protocol.md specifies them; the other side is images/launcher/records.c.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum

PROTOCOL = "4"  # the launcher ends at once if it speaks another version
_HEADER = struct.Struct(">cI")
LONGEST_RECORD_BYTES = 64 * 1024  # without its header


class Kind(StrEnum):
    """The meaning of a record; the letter is its first byte."""

    READY = "R"  # a cell waits for a hand-over; the cell before has ended well, and left nothing
    ANSWER = "A"  # a piece of the answer
    DONE = "D"  # the answer is whole, and the run ended in time
    TIMED_OUT = "T"  # the answer is whole, and the run was ended, as its time was over
    UNFIT = "X"  # the container must serve no further run; the data is the reason, as text


_KINDS = {kind.encode(): kind for kind in Kind}
_WITH_DATA = {Kind.ANSWER, Kind.UNFIT}


@dataclass(frozen=True)
class Record:
    """A record: its kind and its data."""

    kind: Kind
    data: bytes = b""


# A container's first record, which makes it warm.
READY_MARK = _HEADER.pack(Kind.READY.encode(), 0)


class BrokenRecordsError(Exception):
    """These bytes were not written by the launcher."""


class Records:
    """Splits a stream into records, in whatever pieces its bytes come."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[Record]:
        """The records that are now complete. Raises BrokenRecordsError."""
        self._received += data
        records = []
        while len(self._received) >= _HEADER.size:
            kind, end = self._next()
            if len(self._received) < end:
                break
            records.append(Record(kind, bytes(self._received[_HEADER.size : end])))
            del self._received[:end]
        return records

    def _next(self) -> tuple[Kind, int]:
        """The record's kind, and where the record ends."""
        letter, length = _HEADER.unpack_from(self._received)
        kind = _KINDS.get(letter)
        if kind is None or length > (LONGEST_RECORD_BYTES if kind in _WITH_DATA else 0):
            raise BrokenRecordsError(f"no record begins with {bytes(self._received[:5])!r}")
        return kind, _HEADER.size + length
