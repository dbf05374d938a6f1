"""The reader of archives: what tar writes is read, and nothing else hurts."""

import io
import os
import subprocess
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any, SupportsIndex

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.container.untar import (
    BLOCK,
    LONGEST_EXTENSION_BYTES,
    LONGEST_NAME_BYTES,
    MOST_HEADERS,
    Member,
    UnreadableError,
    members,
)
from tests.examples import examples
from tests.fakes import archive

FORMATS = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT]
# In the suite a few seconds; `FUZZ_EXAMPLES=1000000 pytest -m fuzz` is as long as one likes.
FUZZ = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def packed(entries: list[tuple[tarfile.TarInfo, bytes]], form: int = tarfile.GNU_FORMAT) -> bytes:
    """An archive that tarfile makes of these files."""
    into = io.BytesIO()
    with tarfile.open(
        fileobj=into, mode="w", format=form, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for entry, content in entries:
            tar.addfile(entry, io.BytesIO(content))
    return into.getvalue()


def entry(
    name: str, size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tarfile.TarInfo:
    """A member's header."""
    made = tarfile.TarInfo(name)
    made.size, made.type, made.linkname = size, kind, link
    return made


def header(
    name: bytes = b"sandbox/a", kind: bytes = b"0", size: bytes = b"%011o\0" % 0, link: bytes = b""
) -> bytes:
    """A block with a right checksum, whatever is in it."""
    block = bytearray(BLOCK)
    block[: len(name)] = name
    block[124 : 124 + len(size)] = size
    block[156:157] = kind
    block[157 : 157 + len(link)] = link
    block[257:265] = b"ustar  \0"
    block[148:156] = b"%06o\0 " % (sum(block) + 8 * 32)
    return bytes(block)


def block_of(content: bytes) -> bytes:
    """The content, filled up to a whole block."""
    return content + bytes(-len(content) % BLOCK)


def names_in(archives: bytes, **how: bool) -> list[bytes]:
    """The names of all members."""
    return [member.name for member in members(archives, **how)]


# --- what tar writes ---

_component = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1).filter(
    lambda part: part not in (".", "..")
)
_names = st.builds(lambda *parts: "/".join(parts), _component, _component) | st.builds(
    lambda part, times: part[:1] * times, _component, st.integers(1, 400)
)


@FUZZ
@given(st.dictionaries(_names, st.binary(max_size=2000), max_size=6), st.sampled_from(FORMATS))
def test_what_was_packed_is_read(files: dict[str, bytes], form: int) -> None:
    """Names and contents are read as they were packed, in each format."""
    fits = {name: content for name, content in files.items() if _fits(name, form)}
    archives = packed(
        [(entry(name, len(content)), content) for name, content in fits.items()], form
    )

    found = {member.name: member.content for member in members(archives)}

    assert found == {name.encode(): content for name, content in fits.items()}


def _fits(name: str, form: int) -> bool:
    """USTAR has room for 100 bytes, or for more in two parts; POSIX keeps no trailing newline."""
    with suppress(ValueError):
        packed([(entry(name), b"")], form)
        return True
    return False


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("length", [1, 99, 100, 101, 150, 255])
def test_links_and_names_of_any_length(form: int, length: int) -> None:
    """Links and names of any length are read, also where two long names belong to one header."""
    first, second = "a" * length, "b" * length
    archives = packed(
        [(entry(first, 1), b"x"), (entry(second, kind=tarfile.LNKTYPE, link=first), b"")], form
    )

    assert list(members(archives)) == [
        Member(first.encode(), b"x"),
        Member(second.encode(), link=first.encode()),
    ]


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["\udcff", "x\n", "x\n" * 80, "\udcff" * 120, " ", "a=b\n9 c=d\n"])
def test_names_are_bytes(form: int, name: str) -> None:
    """Names that are no UTF-8, and names with ends of lines in them, are read as they are."""
    assert names_in(packed([(entry(name), b"")], form)) == [name.encode(errors="surrogateescape")]


def test_a_name_before_a_cut_is_no_member() -> None:
    """Wherever the end is missing, what was whole before it is there."""
    archives = packed([(entry("a", 1), b"x"), (entry("b" * 200, 600), b"y" * 600)])

    for end in range(len(archives)):
        found = list(members(archives[:end], is_cut=True))
        assert [member.name for member in found] in ([], [b"a"], [b"a", b"b" * 200])
        assert len(found) == (end > BLOCK) + (end >= 5 * BLOCK + 600)


@pytest.mark.parametrize("kind", [b"2", b"3", b"4", b"5", b"6"])
def test_what_is_no_file_is_passed_over(kind: bytes) -> None:
    """The reader passes over links, devices, folders and pipes."""
    assert names_in(header(b"no", kind, link=b"/etc/passwd") + header(b"yes")) == [b"yes"]


# --- what no tar of ours writes ---

NEGATIVE = b"\xff" * 12
SPARSE = header(b"sandbox/a", b"S", b"%011o\0" % 512)

COMMENT = b"%d comment=" % (LONGEST_EXTENSION_BYTES + 1)
COMMENT = COMMENT.ljust(LONGEST_EXTENSION_BYTES, b"a") + b"\n"

FORGED = {
    "a negative size": header(size=NEGATIVE),
    "a size of more than eight gigabytes": header(size=b"\x80" + bytes(10) + b"\x01"),
    "a size that is no number": header(size=b"+1        \0\0"),
    "no size": header(size=bytes(12)),
    "a size that is more than came": header(size=b"%011o\0" % 513) + bytes(BLOCK),
    "a gigabyte of holes": SPARSE + bytes(BLOCK),
    "holes in POSIX's format": header(kind=b"x", size=b"%011o\0" % 27)
    + block_of(b"27 GNU.sparse.size=9999999\n")
    + header(),
    "a size in an extended header": header(kind=b"x", size=b"%011o\0" % 19)
    + block_of(b"19 size=9999999999\n")
    + header(),
    "a chain of long names": (header(kind=b"L", size=b"%011o\0" % 2) + block_of(b"a\0")) * 600
    + header(),
    "a chain of extended headers": (
        header(kind=b"x", size=b"%011o\0" % 10) + block_of(b"10 path=a\n")
    )
    * 600
    + header(),
    "a name that is too long": header(kind=b"L", size=b"%011o\0" % (LONGEST_NAME_BYTES + 2))
    + block_of(b"a" * (LONGEST_NAME_BYTES + 2))
    + header(),
    "an extended header that is too long": header(
        kind=b"x", size=b"%011o\0" % (LONGEST_EXTENSION_BYTES + 1)
    )
    + block_of(COMMENT)
    + header(),
    "a record that ends before its beginning": header(kind=b"x", size=b"%011o\0" % 8)
    + block_of(b"0 path=a")
    + header(),
    "a record without end": header(kind=b"x", size=b"%011o\0" % 10)
    + block_of(b"99 path=a\n")
    + header(),
    "a name without a member": header(kind=b"L", size=b"%011o\0" % 2) + block_of(b"a\0"),
    "a link with a content": header(kind=b"1", size=b"%011o\0" % 1, link=b"a") + block_of(b"x"),
    "a wrong checksum": header()[:148] + b"0000001\0" + header()[156:],
    "a type that nobody knows": header(kind=b"Z"),
    "a volume's label": header(kind=b"V"),
    "a folder's list": header(kind=b"D"),
    "half a header": header()[:300],
    "text": b"cat: evil.tar: No such file or directory\n",
    "text after an archive": archive({"sandbox/a": b"x"}) + b"tar: error\n",
}  # fmt: skip


@pytest.mark.parametrize("archives", FORGED.values(), ids=FORGED.keys())
def test_what_no_harvest_writes_is_unreadable(archives: bytes) -> None:
    """Archives that make a general reader loop, recurse, allocate or guess are unreadable."""
    with pytest.raises(UnreadableError):
        list(members(archives))


def test_headers_have_a_limit() -> None:
    """As many headers as the limit are read, of whatever kind; the next one is refused."""
    archives = header(b"d", b"5") * (MOST_HEADERS - 1) + header(b"last") + header(b"one more")
    names: list[bytes] = []

    with pytest.raises(UnreadableError):
        names.extend(member.name for member in members(archives))

    assert names == [b"last"]


class Watched(bytes):
    """Counts how often it is sliced, and how much of it is copied."""

    slices = 0
    copied = 0

    def __getitem__(self, part: SupportsIndex | slice) -> Any:
        found = super().__getitem__(part)
        assert isinstance(found, bytes)
        self.slices += 1
        self.copied += len(found)
        return found


def read_or_refused(archives: bytes, **how: bool) -> list[Member]:
    """As far as it can be read; each block has been looked at once, and nothing is made up."""
    watched = Watched(archives)
    found: list[Member] = []
    with suppress(UnreadableError):
        found.extend(members(watched, **how))
    assert watched.copied <= len(archives)
    assert watched.slices <= 2 * (len(archives) // BLOCK + 1)
    assert sum(len(member.content) for member in found) <= len(archives)
    return found


@pytest.mark.parametrize("archives", FORGED.values(), ids=FORGED.keys())
def test_a_forgery_costs_no_more_than_its_bytes(archives: bytes) -> None:
    """The reader's steps and copies grow only with the bytes."""
    read_or_refused(archives)
    read_or_refused(archives, is_cut=True)


@pytest.mark.fuzz
@FUZZ
@given(st.binary(max_size=4000), st.booleans())
def test_any_bytes_are_read_or_refused(archives: bytes, is_cut: bool) -> None:
    """There is no other error, and no step too many."""
    read_or_refused(archives, is_cut=is_cut)


_fields = st.fixed_dictionaries(
    {
        "name": st.binary(max_size=100),
        "kind": st.sampled_from([bytes((one,)) for one in b"\001234567LKxgSVDMNX"]),
        "size": st.integers(0, 2000).map(lambda size: b"%011o\0" % size) | st.binary(max_size=12),
        "link": st.binary(max_size=100),
    }
)
_records = st.lists(
    st.tuples(st.integers(0, 300), st.sampled_from([b"path", b"linkpath", b"size", b"x"])).map(
        lambda one: b"%d %s=value\n" % one
    )
).map(b"".join)
_blocks = st.lists(
    _fields.map(lambda fields: header(**fields))
    | (st.binary(max_size=1200) | _records).map(block_of)
    | st.just(bytes(BLOCK)),
    max_size=12,
).map(b"".join)


@pytest.mark.fuzz
@FUZZ
@given(_blocks, st.booleans())
def test_any_headers_are_read_or_refused(archives: bytes, is_cut: bool) -> None:
    """With right checksums, so that what is in them is believed as far as anything is."""
    read_or_refused(archives, is_cut=is_cut)


def _flipped(archives: bytes, changes: list[tuple[int, int]]) -> bytes:
    """With some bytes changed, and the checksums of what look like headers made right."""
    forged = bytearray(archives)
    for place, byte in changes:
        forged[place % len(forged)] = byte
    for start in range(0, len(forged) - BLOCK + 1, BLOCK):
        block = forged[start : start + BLOCK]
        if block[257:262] == b"ustar":
            block[148:156] = b" " * 8
            forged[start + 148 : start + 156] = b"%06o\0 " % sum(block)
    return bytes(forged)


@pytest.mark.fuzz
@FUZZ
@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=20),
)
def test_an_archive_with_changed_bytes_is_read_or_refused(
    form: int, changes: list[tuple[int, int]]
) -> None:
    """Any change to tar's bytes gives an archive, or an error of our own."""
    honest = packed(
        [(entry("a/" + "b" * 90, 600), b"x" * 600), (entry("c", kind=b"1", link="a"), b"")], form
    )
    read_or_refused(_flipped(honest, changes))


# --- what GNU tar itself writes; BusyBox's is met in tests/runner/container/inside ---


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "posix"])
def test_gnu_tar_is_understood(tmp_path: Path, form: str) -> None:
    """This machine's own tar is understood in each of its formats: odd names, long
    ones, hard links.
    """
    contents = {name: name * 3 for name in (b"plain", b"n" * 180, b"new\nline", b"\xff", b"-x")}
    for name, content in contents.items():
        (tmp_path / os.fsdecode(name)).write_bytes(content)
    for first, second in ((b"plain", b"second"), (b"n" * 180, b"m" * 180)):
        os.link(tmp_path / os.fsdecode(first), tmp_path / os.fsdecode(second))
        contents[second] = contents[first]

    archives = subprocess.run(  # noqa: S603
        ["tar", "-cf", "-", f"--format={form}", "--", *os.listdir(os.fsencode(tmp_path))],  # noqa: S607
        cwd=tmp_path,
        check=True,
        stdout=subprocess.PIPE,
    ).stdout

    found: dict[bytes, bytes] = {}
    for member in members(archives):
        found[member.name] = member.content if member.link is None else found[member.link]
    assert found == contents
