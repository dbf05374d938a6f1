"""A kata as the bytes that a waiting container reads; inside/entry.sh is the other side.

docs/protocol.md specifies them.
"""

import gzip
import io
import posixpath
import tarfile
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from runner.container.scripts import script
from runner.kata import Kata

READY_MARK = b"dojo-runner: ready\n"
UID, GID = 41966, 51966  # user and group `sandbox` of every cyber-dojo image

# Files of up to this size come back whole (container/inside/main.sh).
WHOLE_BYTES = 64 * 1024
# The kernel takes 128 KiB for one variable; an id of a client is 6 characters long.
LONGEST_ID_BYTES = 4096
# 1 makes a kata of 10 KB a third of its size in 0.1 ms; 9 would take five times as long.
_GZIP_LEVEL = 1

_OURS = {
    # In one file, as that is read before the learner's program could write to any other.
    "tmp/main.sh": (script("beginnings.sh") + script("main.sh")).encode(),
    # Blanks for main.sh to write over: that needs no room, should the program have filled /tmp.
    "tmp/dojo/status": b"    ",
    "home/sandbox/cyber_dojo_fs_cleaners.sh": script("cyber_dojo_fs_cleaners.sh").encode(),
}
_OUR_FOLDERS = ("tmp/dojo",)


def hand_over(kata: Kata, nonce: str) -> bytes:
    """Header and payload, to be written in one piece. `nonce` marks the answer: one word."""
    return nonce.encode() + b"\0" + _with_header(kata, _without_nul(pack(kata)))


def hand_over_to_cell(kata: Kata) -> bytes:
    """The same for the launcher: it marks answers itself, and takes a tgz as it is."""
    return _with_header(kata, pack(kata))


def _with_header(kata: Kata, payload: bytes) -> bytes:
    header = (
        f"{kata.max_seconds:.3f}".encode(),
        _tests_for_sizes(kata).encode(),
        _id(kata).encode(),
        kata.image_name.encode(),
        str(len(payload)).encode(),
    )
    return b"".join(field + b"\0" for field in header) + payload


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
    # GNU's format: BusyBox's tar reads long names in it, and none of POSIX's.
    now_s = int(time.time())
    sent = {f"sandbox/{name}": content.encode() for name, content in kata.files.items()}
    packed = io.BytesIO()
    packed.write(_ours(now_s))
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, _folders_of(kata.files), sent, now_s)
    return gzip.compress(packed.getvalue(), _GZIP_LEVEL)


@lru_cache(maxsize=1)
def _ours(now_s: int) -> bytes:
    """The beginning of every archive; made anew once a second, which saves 0.1 ms of each run."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as tar:
        _add(tar, _OUR_FOLDERS, _OURS, now_s)
        return packed.getvalue()  # before its end is marked


def _add(
    tar: tarfile.TarFile, folders: Iterable[str], files: Mapping[str, bytes], now_s: int
) -> None:
    for folder in folders:
        entry = _entry(folder, 0o755, now_s)
        entry.type = tarfile.DIRTYPE
        tar.addfile(entry)
    for name, content in files.items():
        entry = _entry(name, 0o644, now_s)
        entry.size = len(content)
        tar.addfile(entry, io.BytesIO(content))


def _entry(name: str, mode: int, now_s: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode = mode
    entry.uid, entry.gid = UID, GID
    entry.mtime = now_s
    return entry


def _folders_of(names: Iterable[str]) -> list[str]:
    """Every sub-directory that the names need, parents first."""
    folders: set[str] = set()
    for name in names:
        folder = posixpath.dirname(name)
        while folder and folder not in folders:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return [f"sandbox/{folder}" for folder in sorted(folders)]
