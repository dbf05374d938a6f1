"""What a container of cells writes: records, so that no cell can speak in the launcher's name.

The other side is images/launcher/main.c: a letter, the length as four bytes, high byte first, and
as many bytes.
"""

import struct
from dataclasses import dataclass
from enum import StrEnum

_HEADER = struct.Struct(">cI")
# The launcher reads and passes on 256 KiB at most.
LONGEST_RECORD_BYTES = 256 * 1024


class Kind(StrEnum):
    """What a record says."""

    READY = "R"  # a cell waits for a hand-over; the one before has ended well and left nothing
    ANSWER = "A"  # a piece of the answer
    UNFIT = "X"  # the container must not be used again; the reason, as text


@dataclass(frozen=True)
class Record:
    """One of them."""

    kind: Kind
    data: bytes = b""


# What makes a container warm: its first record.
READY_MARK = _HEADER.pack(Kind.READY.encode(), 0)


class BrokenRecordsError(Exception):
    """These bytes were not written by the launcher."""


class Records:
    """Takes a stream apart, however it was cut into pieces."""

    def __init__(self) -> None:
        self._received = bytearray()

    def feed(self, data: bytes) -> list[Record]:
        """The records that are now complete. Raises BrokenRecordsError."""
        self._received += data
        records = []
        while len(self._received) >= _HEADER.size:
            letter, length = _HEADER.unpack_from(self._received)
            if letter not in b"RAX" or length > LONGEST_RECORD_BYTES:
                raise BrokenRecordsError(f"no record begins with {bytes(self._received[:5])!r}")
            end = _HEADER.size + length
            if len(self._received) < end:
                break
            records.append(Record(Kind(letter.decode()), bytes(self._received[_HEADER.size : end])))
            del self._received[:end]
        return records
