"""What the launcher writes is taken apart, however it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cells.records import (
    LONGEST_RECORD_BYTES,
    READY_MARK,
    BrokenRecordsError,
    Kind,
    Record,
    Records,
)

WITH_DATA = st.builds(Record, st.sampled_from((Kind.ANSWER, Kind.UNFIT)), st.binary(max_size=50))
EMPTY = st.builds(Record, st.sampled_from((Kind.READY, Kind.DONE, Kind.TIMED_OUT)))
RECORDS = st.lists(WITH_DATA | EMPTY, max_size=8)


def packed(record: Record) -> bytes:
    """A record as the launcher writes it."""
    return record.kind.encode() + len(record.data).to_bytes(4, "big") + record.data


@given(RECORDS, st.lists(st.integers(0, 400), max_size=8))
def test_pieces_do_not_matter(records: list[Record], cuts: list[int]) -> None:
    """The same records come out however the stream is cut into pieces."""
    stream = b"".join(map(packed, records))
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    taken = Records()

    pieces = zip([0, *ends], ends, strict=False)
    found = [record for start, end in pieces for record in taken.feed(stream[start:end])]

    assert found == records


def test_the_mark_of_a_warm_container_is_its_first_record() -> None:
    """The engine waits for exactly the bytes of the first record."""
    assert Records().feed(READY_MARK) == [Record(Kind.READY)]


def test_the_longest_record() -> None:
    """A record may hold 64 KiB."""
    longest = Record(Kind.ANSWER, b"x" * LONGEST_RECORD_BYTES)

    assert Records().feed(packed(longest)) == [longest]


@pytest.mark.parametrize(
    "stream",
    [
        *(b"ready", b"Q\0\0\0\0", b"A\xff\xff\xff\xff", b"A\0\1\0\1", b"X\0\1\0\1"),
        *(b"R\0\0\0\1x", b"D\0\0\0\1x", b"T\0\0\0\1x"),
    ],
)
def test_what_no_launcher_writes_is_refused(stream: bytes) -> None:
    """A letter that means nothing, more than 64 KiB, or data where there is none."""
    with pytest.raises(BrokenRecordsError):
        Records().feed(stream)
