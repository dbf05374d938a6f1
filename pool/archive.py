"""Reads the beginning of an archive that an engine has made of a path in an image.

The image's author decides what is in it. So this reader knows only what Docker's engines write
(POSIX's format and GNU's), takes no size for more than the bytes that are there, and looks at each
block once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

_BLOCK = 512
_ZEROS = bytes(_BLOCK)
_OCTAL = re.compile(rb"[ \0]*([0-7]{1,12})[ \0]*")
_LINK_RECORD = re.compile(rb"(?:^|\n)[0-9]{1,5} linkpath=([^\n]*)\n")
_SIZE_RECORD = re.compile(rb"(?:^|\n)[0-9]{1,5} size=")
# The kinds of headers that come before an entry, and hold what its own header has no room for.
_EXTENDED, _LONG_NAME, _LONG_LINK, _FOR_ALL = b"x", b"L", b"K", b"g"
_MOST_HEADERS = 1000


class BrokenArchiveError(Exception):
    """The bytes are no archive that an engine writes."""


class Kind(Enum):
    """The kinds of entries that the pool tells apart."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "symbolic link"
    OTHER = "other"


_KINDS = {b"0": Kind.FILE, b"\0": Kind.FILE, b"5": Kind.FOLDER, b"2": Kind.LINK}


@dataclass(frozen=True)
class Entry:
    """`size_bytes` is what its header says, and `content` the part of it that was read."""

    kind: Kind
    size_bytes: int
    content: bytes
    link: str


def entries(packed: bytes) -> Iterator[Entry]:
    """The entries that begin in these bytes; the archive may go on behind them.

    Raises BrokenArchiveError.
    """
    place, link, is_huge = 0, None, False
    for _ in range(_MOST_HEADERS):
        header = packed[place : place + _BLOCK]
        if len(header) < _BLOCK or header == _ZEROS:
            return
        kind, size = header[156:157], _size_in(header)
        place += _BLOCK
        content = packed[place : place + size]
        place += size + -size % _BLOCK
        if kind == _EXTENDED:
            record = _LINK_RECORD.search(content)
            link = record[1] if record else link
            is_huge = is_huge or _SIZE_RECORD.search(content) is not None
        elif kind == _LONG_LINK:
            link = content.partition(b"\0")[0]
        elif kind not in (_LONG_NAME, _FOR_ALL):
            target = header[157:257].partition(b"\0")[0] if link is None else link
            if is_huge:  # the header has no room for the size, so the next entry cannot be found
                raise BrokenArchiveError("an entry of over 8 GiB")
            yield Entry(
                _KINDS.get(kind, Kind.OTHER), size, content, target.decode("utf-8", "replace")
            )
            link = None


def _size_in(header: bytes) -> int:
    expected = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _number(header[148:156]) != expected:
        raise BrokenArchiveError("a header's checksum is wrong")
    return _number(header[124:136])


def _number(field: bytes) -> int:
    digits = _OCTAL.fullmatch(field)
    if digits is None:
        raise BrokenArchiveError(f"no number in {field!r}")
    return int(digits[1], 8)
