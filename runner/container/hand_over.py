"""A kata as the bytes that a waiting container reads; inside/entry.sh is the other side.

docs/protocol.md specifies them.
"""

import posixpath
import shlex
import struct
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from runner.container.scripts import script
from runner.kata import Kata

READY_MARK = b"dojo-runner: ready\n"
UID, GID = 41966, 51966  # user and group `sandbox` of every cyber-dojo image

# Files of up to this size are returned whole (container/inside/main.sh).
WHOLE_BYTES = 64 * 1024
# The kernel takes at most 128 KiB for one variable. cyber-dojo's own ids have 6 characters.
LONGEST_ID_BYTES = 4096
# Level 1 packs a kata of 10 KB to a third of its size in 0.1 ms; level 9 takes five times as long.
_GZIP_LEVEL = 1
# Values of `wbits`: with the first zlib writes the format of gzip, with the second only blocks.
_GZIP, _RAW = 31, -15
# A large file is copied piece by piece, and a piece has this size.
_PIECE_BYTES = 1024 * 1024
_END = bytes(2 * tarfile.BLOCKSIZE)  # of an archive
# Where these fields of a header begin, in every format of tar.
_MODE, _SIZE, _TIME, _CHECKSUM, _TYPE = 100, 124, 136, 148, 156

# Packing so many bytes takes 5 ms. The header of a file or a folder takes as long as
# _BYTES_OF_AN_ENTRY of content.
_LONG_BYTES = 128 * 1024
_BYTES_OF_AN_ENTRY = 1536

_OURS = {
    # All the script's functions are in one file, because bash has read that file to its end before
    # the learner's program begins. From a second file it would read what the program wrote there.
    ".dojo/main.sh": (
        f"_dojo_beginnings={shlex.quote(script('beginnings.sh'))}\n{script('main.sh')}"
    ).encode(),
    # main.sh writes over these blanks. That needs no room, so it works even if the program has
    # filled the file system.
    ".dojo/status": b"    ",
    ".dojo/used": b" " * 128,
    "home/sandbox/cyber_dojo_fs_cleaners.sh": script("cyber_dojo_fs_cleaners.sh").encode(),
}
_OUR_FOLDERS = (".dojo",)


def hand_over(kata: Kata, nonce: str) -> bytes:
    """Header and payload, to be written in one piece. `nonce` marks the answer: one word."""
    escaped = [_without_nul(piece) for piece in _packed(kata)]
    return b"".join([nonce.encode() + b"\0", _header_for(kata, escaped), *escaped])


def hand_over_to_cell(kata: Kata) -> bytes:
    """Header and payload for the launcher, which marks answers itself, so it needs no nonce."""
    pieces = list(_packed(kata))
    return b"".join([_header_for(kata, pieces), *pieces])


def takes_long(kata: Kata) -> bool:
    """Whether packing takes over 5 ms. For less, a thread costs more than it is worth."""
    entries = sum(1 + name.count("/") for name in kata.files)
    return _BYTES_OF_AN_ENTRY * entries + sum(map(len, kata.files.values())) > _LONG_BYTES


def _header_for(kata: Kata, payload: Sequence[bytes]) -> bytes:
    header = (
        f"{kata.max_seconds:.3f}".encode(),
        _tests_for_sizes(kata).encode(),
        _id(kata).encode(),
        kata.image_name.encode(),
        str(sum(map(len, payload))).encode(),
    )
    return b"".join(field + b"\0" for field in header)


def _id(kata: Kata) -> str:
    whole = kata.id.replace("\0", "").encode()
    return whole[:LONGEST_ID_BYTES].decode("utf-8", "ignore")


def _without_nul(data: bytes) -> bytes:
    """The bytes as bash's `printf %b` turns them back; bash's `read` would drop a NUL."""
    return data.replace(b"\\", b"\\\\").replace(b"\0", b"\\0000")


def _tests_for_sizes(kata: Kata) -> str:
    """Tests for `find`: the sizes of sent files that main.sh would otherwise cut."""
    sizes = {len(content.encode()) for content in kata.files.values()}
    return " ".join(f"-o -size {size}c" for size in sorted(sizes) if size > WHOLE_BYTES)


def pack(kata: Kata) -> bytes:
    """The tgz of a kata's files and ours, to be unpacked in the root of a file system."""
    return b"".join(_packed(kata))


def _packed(kata: Kata) -> Iterator[bytes]:
    """The tgz in pieces, so that memory never holds the unpacked archive as a whole."""
    now_s = int(time.time())
    zipped, checksum, size = _beginning(now_s)
    yield zipped
    deflate = zlib.compressobj(_GZIP_LEVEL, wbits=_RAW)
    for entry in _entries(kata, now_s):
        size += len(entry)
        for at in range(0, len(entry), _PIECE_BYTES):
            piece = memoryview(entry)[at : at + _PIECE_BYTES]
            checksum = zlib.crc32(piece, checksum)
            if zipped := deflate.compress(piece):
                yield zipped
    # The format of gzip ends with a checksum and the size (RFC 1952).
    yield deflate.flush() + struct.pack("<LL", checksum, size & 0xFFFFFFFF)


class _Beginning(NamedTuple):
    """What every tgz begins with: `size` bytes of an archive, compressed, and their checksum."""

    zipped: bytes
    checksum: int
    size: int


@lru_cache(maxsize=1)
def _beginning(now_s: int) -> _Beginning:
    """Our own files, compressed. They are kept for a second, which saves 0.2 ms of each run.

    The compressor ends with a full flush, after which no block refers to an earlier one. So the
    blocks of another compressor may follow.
    """
    pieces = [_folder(folder, now_s) for folder in _OUR_FOLDERS]
    for name, content in _OURS.items():
        pieces += [_header(name, len(content), now_s), content, _padding(content)]
    archive = b"".join(pieces)
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
    zipped = gzip.compress(archive) + gzip.flush(zlib.Z_FULL_FLUSH)
    return _Beginning(zipped, zlib.crc32(archive), len(archive))


def _entries(kata: Kata, now_s: int) -> Iterator[bytes]:
    """The rest of the archive: the kata's files."""
    for folder in _folders_of(kata.files):
        yield _folder(folder, now_s)
    for name, text in kata.files.items():
        content = text.encode()
        yield _header(f"sandbox/{name}", len(content), now_s)
        yield content
        yield _padding(content)
    yield _END


def _padding(content: bytes) -> bytes:
    return bytes(-len(content) % tarfile.BLOCKSIZE)


def _header(name: str, size: int, now_s: int) -> bytes:
    encoded = name.encode()
    if len(encoded) > tarfile.LENGTH_NAME:
        entry = _entry(name, 0o644, now_s)
        entry.size = size
        return _block(entry)
    # A plain header differs from the next one by its name, its size and its checksum only. To have
    # tarfile make each of them would take ten times as long.
    plain = _plain_header(now_s)
    name_field = encoded.ljust(tarfile.LENGTH_NAME, b"\0")
    blank = b"%b%b%011o\0%b        %b" % (
        *(name_field, plain[_MODE:_SIZE], size, plain[_TIME:_CHECKSUM], plain[_TYPE:]),
    )
    # The checksum is the sum of a header in which the checksum itself is blank.
    return b"%b%06o\0 %b" % (blank[:_CHECKSUM], sum(blank), blank[_TYPE:])


@lru_cache(maxsize=1)
def _plain_header(now_s: int) -> bytes:
    return _block(_entry("", 0o644, now_s))


def _folder(name: str, now_s: int) -> bytes:
    entry = _entry(name, 0o755, now_s)
    entry.type = tarfile.DIRTYPE
    return _block(entry)


def _entry(name: str, mode: int, now_s: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.uid, entry.gid = UID, GID
    entry.mtime = now_s
    return entry


def _block(entry: tarfile.TarInfo) -> bytes:
    # BusyBox's tar reads long names in GNU's format, but not in that of POSIX.
    return entry.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict")


def _folders_of(names: Iterable[str]) -> list[str]:
    """Every sub-directory that the names need, parents first."""
    folders: set[str] = set()
    for name in names:
        folder = posixpath.dirname(name)
        while folder and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return [f"sandbox/{folder}" for folder in sorted(folders)]
