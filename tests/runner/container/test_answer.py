"""What a container answers, whole, torn and forged."""

import io
import tarfile
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.container.answer import MOST_FILES, Frame, Harvest, unpack
from runner.container.untar import UnreadableError
from tests.fakes import archive

NONCE = "0123456789abcdef"
FIRST = f"{NONCE}\n".encode()
DONE, TIMED_OUT = f"{NONCE} done\n".encode(), f"{NONCE} timed_out\n".encode()


def fed(*pieces: bytes, largest_bytes: int = 10_000) -> Frame:
    """A frame that got these pieces."""
    frame = Frame(NONCE, largest_bytes)
    for piece in pieces:
        frame.feed(piece)
    return frame


# --- the frame ---


def test_a_frame_ends_with_its_last_line() -> None:
    """A frame ends with its last line and not before; the archives are what is between
    its lines.
    """
    frame = fed(FIRST, b"archives")
    assert (frame.is_complete, frame.archives()) == (False, b"archives")

    frame.feed(DONE)

    assert (frame.is_complete, frame.timed_out, frame.archives()) == (True, False, b"archives")


def test_a_frame_tells_of_a_time_out() -> None:
    """A frame of a run that timed out has another last line."""
    frame = fed(FIRST + b"archives" + TIMED_OUT)

    assert (frame.is_complete, frame.timed_out, frame.archives()) == (True, True, b"archives")


@pytest.mark.parametrize("data", [b"x", b"hello\n" + FIRST, DONE, NONCE.encode() + b" ", b"\n"])
def test_anything_before_the_first_line_is_unreadable(data: bytes) -> None:
    """Whoever writes before the first line does not know the mark, so the answer is unreadable."""
    with pytest.raises(UnreadableError):
        fed(data)


def test_another_last_line_is_content() -> None:
    """Only the run's own nonce ends a frame."""
    assert not fed(FIRST, b"fedcba9876543210 done\n").is_complete
    assert not fed(FIRST, f"{NONCE} green\n".encode()).is_complete


def test_a_frame_has_a_limit() -> None:
    """A frame past its limit is not read on, and exactly the limit is not past it."""
    assert not fed(FIRST.ljust(100), largest_bytes=100).is_too_large
    assert fed(FIRST.ljust(101), largest_bytes=100).is_too_large


@given(st.binary(max_size=200), st.lists(st.integers(0, 300)))
def test_a_frame_may_come_in_any_pieces(archives: bytes, cuts: list[int]) -> None:
    """A frame has the same content in whichever pieces it comes."""
    data = FIRST + archives + DONE
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    frame = fed(*(data[start:end] for start, end in pairwise(places)))

    assert (frame.is_complete, frame.archives()) == (True, archives)


# --- the archives ---


def test_what_was_printed_is_kept_apart_from_the_files() -> None:
    """A file in /sandbox that is called stdout is a file."""
    harvest = unpack(
        archive({
            ".dojo/stdout": b"out", ".dojo/stderr": b"err", ".dojo/status": b"3   ",
            "sandbox/stdout": b"x", "sandbox/.dojo/status": b"y", "sandbox/sandbox/z": b"z",
        })
    )  # fmt: skip

    assert harvest == Harvest(
        b"out", b"err", "3", {b"stdout": b"x", b".dojo/status": b"y", b"sandbox/z": b"z"}
    )


def test_archives_may_follow_one_another() -> None:
    """Archives are read as one `tar` after the other writes them."""
    first, second = archive({"sandbox/a": b"1"}), archive({"sandbox/b": b"2" * 20_000})

    assert unpack(first + second).files == {b"a": b"1", b"b": b"2" * 20_000}


def test_a_cut_file_has_its_own_name() -> None:
    """A file whose beginning and name came in two members has its own name, and is told
    to be cut.
    """
    harvest = unpack(
        archive({".dojo/cut/7.1": b"begins", ".dojo/cut/7.1.name": b"sandbox/new\nline"})
    )

    assert harvest.files == {b"new\nline": b"begins"}
    assert harvest.cut == {b"new\nline"}


@pytest.mark.parametrize(
    "members",
    [
        {".dojo/cut/7.1": b"nameless"},
        {".dojo/cut/7.1.name": b"sandbox/a"},
        {"etc/passwd": b"x"},
        {"tmp/x": b"x"},
        {"sandboxes/a": b"x"},
        {".dojo/cut/7.1": b"x", ".dojo/cut/7.1.name": b"etc/passwd"},
    ],
)
def test_what_is_from_elsewhere_is_nothing(members: dict[str, bytes]) -> None:
    """Only what was printed, the status and /sandbox are read from an archive."""
    assert unpack(archive(members)) == Harvest()


@pytest.mark.parametrize(("written", "status"), [(b"0   ", "0"), (b"137 ", "137"), (b"    ", None)])
def test_blanks_around_the_status_do_not_count(written: bytes, status: str | None) -> None:
    """A status is written over blanks, and blanks alone say that there was none."""
    assert unpack(archive({".dojo/status": written})).status == status


@pytest.mark.parametrize("written", [b"0123456789", b"-1  ", b"zero", b"\xff\xfe", b"0" * 5000])
def test_a_status_is_at_most_a_small_number(written: bytes) -> None:
    """A status that is no small number is forged, and not passed on."""
    status = unpack(archive({".dojo/status": written})).status

    assert status is None or (status.isdigit() and len(status) <= 4)


def special(kind: bytes, linkname: str = "") -> bytes:
    """An archive of one entry that is no regular file, and one that is."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        entry = tarfile.TarInfo("sandbox/special")
        entry.type, entry.linkname = kind, linkname
        tar.addfile(entry)
    return packed.getvalue() + archive({"sandbox/plain": b"x"})


@pytest.mark.parametrize(
    "packed",
    [
        special(tarfile.SYMTYPE, "/etc/passwd"),
        special(tarfile.LNKTYPE, "/etc/passwd"),
        special(tarfile.LNKTYPE, "sandbox/plain"),
        special(tarfile.LNKTYPE, "sandbox/special"),
        special(tarfile.FIFOTYPE),
        special(tarfile.CHRTYPE),
        special(tarfile.BLKTYPE),
        special(tarfile.DIRTYPE),
    ],
)
def test_only_regular_files_count(packed: bytes) -> None:
    """A link to what has not come before is no file, wherever it leads to."""
    assert unpack(packed).files == {b"plain": b"x"}


def test_a_hard_link_is_the_file_before_it() -> None:
    """The second name of a file, which tar packs as a link, has the file's content."""
    packed = archive({"sandbox/special-not": b"", "sandbox/a": b"x"})

    assert unpack(packed + special(tarfile.LNKTYPE, "sandbox/a")).files[b"special"] == b"x"


def test_names_are_bytes() -> None:
    """Names that are no UTF-8 are kept as they are."""
    assert unpack(archive({"sandbox/\udcff": b"x", "sandbox/é": b"y"})).files == {
        b"\xff": b"x",
        "é".encode(): b"y",
    }


@pytest.mark.parametrize(
    "archives",
    [
        b"x" * 5000,
        archive({"sandbox/a": b"x" * 5000})[:2000],
        archive({"sandbox/a": b"x" * 5000})[:400],
        archive({"sandbox/a": b"x"}).replace(b"0000644", b"garbage"),
    ],
)
def test_what_is_no_archive_is_unreadable(archives: bytes) -> None:
    """An archive that is torn, or was never one, is unreadable."""
    with pytest.raises(UnreadableError):
        unpack(archives)


def test_no_archive_at_all_is_an_empty_harvest() -> None:
    """An answer without an archive is an empty harvest, without a status."""
    assert unpack(b"") == Harvest()


def test_what_we_cut_ourselves_counts_as_far_as_it_goes() -> None:
    """An answer that we stopped reading counts as far as it goes, and tells that there was more."""
    whole = archive({".dojo/status": b"0   ", "sandbox/a": b"x" * 5000})
    harvest = unpack(whole[:3000], is_cut=True)

    assert (harvest.status, harvest.files, harvest.is_whole) == ("0", {}, False)


def test_only_so_many_files_are_read() -> None:
    """Past a number of files no more are read, and the harvest tells that there were more."""
    harvest = unpack(archive({f"sandbox/{number}": b"" for number in range(MOST_FILES + 1)}))

    assert (len(harvest.files), harvest.is_whole) == (MOST_FILES, False)


def test_a_size_that_is_a_lie_is_unreadable() -> None:
    """A member that claims more than came is torn, however much it claims."""
    entry = tarfile.TarInfo("sandbox/a")
    for size in (10_000, 2**33, 2**60):
        entry.size = size
        with pytest.raises(UnreadableError):
            unpack(entry.tobuf(tarfile.GNU_FORMAT) + b"x" * 512)


@given(st.binary(max_size=3000))
def test_any_bytes_are_read_or_refused(archives: bytes) -> None:
    """Any bytes are read or refused, in finite time, and there is no other error."""
    with suppress(UnreadableError):
        assert unpack(archives).is_whole


@given(st.data())
def test_a_forged_archive_is_read_or_refused(data: st.DataObject) -> None:
    """Neither a flipped byte nor a negative size makes another error."""
    forged = bytearray(archive({"sandbox/a": b"x" * 600, ".dojo/status": b"0   "}))
    for _ in range(data.draw(st.integers(1, 20))):
        forged[data.draw(st.integers(0, 2600))] = data.draw(st.integers(0, 255))
    for start in range(0, len(forged) - 512, 512):  # so that the change is not all that is seen
        block = forged[start : start + 512]
        if data.draw(st.booleans()) and block.count(0) < 500:
            block[148:156] = b" " * 8
            forged[start + 148 : start + 156] = b"%06o\0 " % sum(block)

    with suppress(UnreadableError):
        assert unpack(bytes(forged)).is_whole
