"""What the launcher writes is taken apart, however it was cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.cells.records import READY_MARK, BrokenRecordsError, Kind, Record, Records

RECORDS = st.lists(st.builds(Record, st.sampled_from(Kind), st.binary(max_size=50)), max_size=8)


def packed(record: Record) -> bytes:
    """A record as the launcher writes it."""
    return record.kind.encode() + len(record.data).to_bytes(4, "big") + record.data


@given(RECORDS, st.lists(st.integers(0, 400), max_size=8))
def test_pieces_do_not_matter(records: list[Record], cuts: list[int]) -> None:
    """The same records come out of any cutting of the same stream."""
    stream = b"".join(map(packed, records))
    ends = sorted({min(cut, len(stream)) for cut in cuts} | {len(stream)})
    taken = Records()

    pieces = zip([0, *ends], ends, strict=False)
    found = [record for start, end in pieces for record in taken.feed(stream[start:end])]

    assert found == records


def test_the_mark_of_a_warm_container_is_its_first_record() -> None:
    """The engine waits for exactly the bytes of the first record."""
    assert Records().feed(READY_MARK) == [Record(Kind.READY)]


@pytest.mark.parametrize("stream", [b"ready", b"Q\0\0\0\0", b"A\xff\xff\xff\xff"])
def test_what_no_launcher_writes_is_refused(stream: bytes) -> None:
    """A letter that means nothing, and a length beyond all measure, are errors."""
    with pytest.raises(BrokenRecordsError):
        Records().feed(stream)
