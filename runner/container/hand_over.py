"""A kata as the bytes that a waiting container reads; inside/entry.sh is the other side.

docs/protocol.md specifies them.
"""

import posixpath
import shlex
import tarfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from runner.container.scripts import script
from runner.kata import Kata

READY_MARK = b"dojo-runner: ready\n"
UID, GID = 41966, 51966  # user and group `sandbox` of every cyber-dojo image

# Files of up to this size are returned whole (container/inside/main.sh).
WHOLE_BYTES = 64 * 1024
# The kernel takes 128 KiB for one variable; an id of a client is 6 characters long.
LONGEST_ID_BYTES = 4096
# 1 makes a kata of 10 KB a third of its size in 0.1 ms; 9 would take five times as long.
_GZIP_LEVEL = 1
_GZIP = 31  # zlib's word for its format
# Copies of a large file are made by this much at a time.
_PIECE_BYTES = 1024 * 1024
_END = bytes(2 * tarfile.BLOCKSIZE)  # of an archive

# So many bytes are packed in 5 ms; to describe a file or a folder takes as long as this many.
_LONG_BYTES = 128 * 1024
_BYTES_OF_AN_ENTRY = 1536

_OURS = {
    # In one file, as that is read before the learner's program could write to any other.
    ".dojo/main.sh": (
        f"_dojo_beginnings={shlex.quote(script('beginnings.sh'))}\n{script('main.sh')}"
    ).encode(),
    # Blanks for main.sh to write over: that needs no room, should the program print without end.
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
    """The same for the launcher: it marks answers itself, and takes a tgz as it is."""
    pieces = list(_packed(kata))
    return b"".join([_header_for(kata, pieces), *pieces])


def takes_long(kata: Kata) -> bool:
    """Whether packing takes over 5 ms: below, a thread costs more than it gives."""
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
    """As bash's `printf %b` reads it: bash's own `read` would drop a NUL."""
    return data.replace(b"\\", b"\\\\").replace(b"\0", b"\\0000")


def _tests_for_sizes(kata: Kata) -> str:
    """Tests for `find`: the sizes of sent files that main.sh would otherwise cut."""
    sizes = {len(content.encode()) for content in kata.files.values()}
    return " ".join(f"-o -size {size}c" for size in sorted(sizes) if size > WHOLE_BYTES)


def pack(kata: Kata) -> bytes:
    """The tgz of a kata's files and ours, to be unpacked in the root of a file system."""
    return b"".join(_packed(kata))


def _packed(kata: Kata) -> Iterator[bytes]:
    """In pieces: beside the kata and what is packed already there is one file's bytes at a time."""
    gzip = zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)
    for piece in _archive(kata, int(time.time())):
        for at in range(0, len(piece), _PIECE_BYTES):
            if zipped := gzip.compress(memoryview(piece)[at : at + _PIECE_BYTES]):
                yield zipped
    yield gzip.flush()


def _archive(kata: Kata, now_s: int) -> Iterator[bytes]:
    yield _ours(now_s)
    for folder in _folders_of(kata.files):
        yield _folder(folder, now_s)
    for name, text in kata.files.items():
        content = text.encode()
        yield _header(f"sandbox/{name}", len(content), now_s)
        yield content
        yield bytes(-len(content) % tarfile.BLOCKSIZE)
    yield _END


@lru_cache(maxsize=1)
def _ours(now_s: int) -> bytes:
    """The beginning of every archive; made anew once a second, which saves 0.1 ms of each run."""
    pieces = [_folder(folder, now_s) for folder in _OUR_FOLDERS]
    for name, content in _OURS.items():
        padding = bytes(-len(content) % tarfile.BLOCKSIZE)
        pieces += [_header(name, len(content), now_s), content, padding]
    return b"".join(pieces)


def _folder(name: str, now_s: int) -> bytes:
    entry = _entry(name, 0o755, now_s)
    entry.type = tarfile.DIRTYPE
    return _block(entry)


def _header(name: str, size: int, now_s: int) -> bytes:
    entry = _entry(name, 0o644, now_s)
    entry.size = size
    return _block(entry)


def _entry(name: str, mode: int, now_s: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.uid, entry.gid = UID, GID
    entry.mtime = now_s
    return entry


def _block(entry: tarfile.TarInfo) -> bytes:
    # GNU's format: BusyBox's tar reads long names in it, and none of POSIX's.
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
