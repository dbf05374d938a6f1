"""The reader of what an engine packs of an image: bytes that an image's author chose."""

import io
import os
import tarfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pool.archive import BrokenArchiveError, Entry, Kind, entries
from tests.examples import examples

FORMATS = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT, tarfile.USTAR_FORMAT]
BLOCK = 512
EXAMPLES = examples(300)


def packed(*members: tuple[str, bytes | None, str], how: int = tarfile.PAX_FORMAT) -> bytes:
    """An archive of a file, a folder (no content) or a link, each."""
    into = io.BytesIO()
    with tarfile.open(fileobj=into, mode="w", format=how) as tar:
        for name, content, target in members:
            entry = tarfile.TarInfo(name)
            entry.mtime = (
                1.5 if how == tarfile.PAX_FORMAT else 1
            )  # an engine's times have fractions
            if target:
                entry.type, entry.linkname = tarfile.SYMTYPE, target
            elif content is None:
                entry.type = tarfile.DIRTYPE
            else:
                entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content or b""))
    return into.getvalue()


@pytest.mark.parametrize("how", FORMATS)
@pytest.mark.parametrize("size", [0, 1, 511, 512, 513, 70_000])
def test_a_file(how: int, size: int) -> None:
    """The content is what the image has, in each format that an engine may write."""
    content = os.urandom(size)

    assert list(entries(packed(("rag.rb", content, ""), how=how))) == [
        Entry(Kind.FILE, size, content, "")
    ]


@pytest.mark.parametrize("how", FORMATS[:2])
@pytest.mark.parametrize("target", ["rag.rb", "x" * 100, "deep/" * 500 + "rag.rb", "é" * 90])
def test_a_link(how: int, target: str) -> None:
    """A link's target is whole, however long it is."""
    [entry] = entries(packed(("link", None, target), how=how))

    assert (entry.kind, entry.link) == (Kind.LINK, target)


@pytest.mark.parametrize("how", FORMATS[:2])
def test_a_folder_with_long_names(how: int) -> None:
    """A folder comes before what is in it, and names are of no concern."""
    many = [(f"folder/{'n' * 200}{number}", b"x", "") for number in range(3)]

    found = list(entries(packed(("folder", None, ""), *many, how=how)))

    assert [entry.kind for entry in found] == [Kind.FOLDER, *[Kind.FILE] * 3]


def test_a_file_that_is_cut_short() -> None:
    """The part of a large file that is here is returned, with the size that its header tells."""
    [entry] = entries(packed(("rag.rb", b"x" * 5000, ""))[:3000])

    assert entry.size_bytes == 5000
    assert 0 < len(entry.content) < 3000


def header(size: bytes, kind: bytes = b"0") -> bytes:
    """A header with a right checksum, whatever its size says."""
    block = bytearray(BLOCK)
    block[:3] = b"rag"
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = kind
    block[148:156] = b"        "
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize(
    "hostile",
    [
        header(b"\xff" * 12),  # negative, in base 256: Python's reader looped for ever
        header(b"\x80" + b"\0" * 3 + b"\x7f" * 8),
        header(b"-1"),
        header(b""),
        header(b"0000000009"),
        b"x" * BLOCK,
        header(b"0")[:-1] + b"x",  # the checksum is wrong
        header(b"30", b"x") + b"20 size=99999999999\n".ljust(BLOCK, b"\0") + header(b"0"),
    ],
)
def test_what_no_engine_writes_is_refused(hostile: bytes) -> None:
    """No number but an octal one is believed, and no header without its checksum."""
    with pytest.raises(BrokenArchiveError):
        list(entries(hostile))


def test_a_size_beyond_the_archive_takes_no_memory() -> None:
    """An entry that claims 8 GiB has the bytes that are there."""
    [entry] = entries(header(b"77777777777") + b"few")

    assert (entry.size_bytes, entry.content) == (8**11 - 1, b"few")


@pytest.mark.parametrize("kind", [b"L", b"K", b"x", b"g", b"S", b"Z"])
def test_chained_headers_end(kind: bytes) -> None:
    """A long chain of headers is looked at once and not for ever; Python's reader recursed."""
    assert len(list(entries(header(b"0", kind) * 100_000))) <= 1000


@settings(max_examples=EXAMPLES)
@given(st.binary(max_size=4 * BLOCK) | st.lists(st.binary(max_size=12)).map(
    lambda sizes: b"".join(map(header, sizes))
))  # fmt: skip
def test_any_bytes(hostile: bytes) -> None:
    """Whatever comes is entries with the bytes that are there, or is refused."""
    try:
        found = list(entries(hostile))
    except BrokenArchiveError:
        return
    assert sum(len(entry.content) for entry in found) <= len(hostile)


GOOD = packed(("folder", None, ""), ("a" * 150, b"content", ""), ("link", None, "t" * 150))


@settings(max_examples=EXAMPLES)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8))
def test_a_damaged_archive(changes: list[tuple[int, int]]) -> None:
    """A good archive with bytes changed is entries, or is refused."""
    damaged = bytearray(GOOD)
    for place, byte in changes:
        damaged[place] = byte
    try:
        found = list(entries(bytes(damaged)))
    except BrokenArchiveError:
        return
    assert len(found) <= len(GOOD) // BLOCK
