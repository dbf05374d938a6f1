"""Reads the tar archives that a harvest writes, in memory, and believes nothing that they say.

The learner's program runs under the same user as our script, so it can put any bytes in an
archive's place. Therefore this reader
- knows only the members that GNU tar, BusyBox tar and images/launcher/harvest.c make of regular
  files: in GNU's format, and long names also in that of POSIX;
- takes no size for more than the bytes that are there;
- looks at each block once, so its time and memory are linear in the bytes that came.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

BLOCK = 512
LONGEST_NAME_BYTES = 4096  # PATH_MAX of the kernel
LONGEST_EXTENSION_BYTES = 16 * 1024  # POSIX's, before a member: holds two names and some times
# Headers of all kinds. A harvest has one to three for each file, and at most 20,000 files are read.
MOST_HEADERS = 65_536

_ZEROS = bytes(BLOCK)
_OCTAL = re.compile(rb" *([0-7]{1,11})[ \0]*")
_EXTENSION = re.compile(rb"([0-9]{1,5}) ([^=\n]+)=")

_REGULAR = (b"0", b"\0")
_HARD_LINK = b"1"
# Symbolic links, devices, folders and pipes have no content. They are passed over.
_WITHOUT_CONTENT = (b"2", b"3", b"4", b"5", b"6")
_LONG_NAME, _LONG_LINK = b"L", b"K"
_EXTENDED, _EXTENDED_FOR_ALL = b"x", b"g"


class UnreadableError(Exception):
    """The container's answer is not what our script writes: it was forged or torn."""


@dataclass(frozen=True)
class Member:
    """A regular file, or a second name for an earlier one, whose name is then in `link`."""

    name: bytes
    content: bytes = b""
    link: bytes | None = None


@dataclass(frozen=True)
class _Names:
    """Long names, which come before a member's header, because the header has no room for them."""

    name: bytes | None = None
    link: bytes | None = None


def members(archives: bytes, *, is_cut: bool = False) -> Iterator[Member]:
    """The regular files of archives that follow one another; other members are passed over.

    `is_cut` tells that the end of the archives was not read. The file in which they stop is then
    left out. Raises UnreadableError.
    """
    names = _Names()
    for header, content in _entries(archives, is_cut=is_cut):
        kind = header[156:157]
        if kind in (_LONG_NAME, _LONG_LINK, _EXTENDED):
            names = _with(names, kind, content)
            continue
        if kind == _EXTENDED_FOR_ALL:  # such as a comment
            continue
        name = _name_of(header) if names.name is None else names.name
        link = _text(header[157:257]) if names.link is None else names.link
        names = _Names()
        if kind in _REGULAR:
            yield Member(name, content)
        elif content:
            raise UnreadableError("a member that cannot have a content has one")
        elif kind == _HARD_LINK:
            yield Member(name, link=link)
        elif kind not in _WITHOUT_CONTENT:
            raise UnreadableError(f"no harvest writes a member of type {kind!r}")
    if names != _Names() and not is_cut:
        raise UnreadableError("a name without a member")


def _entries(archives: bytes, *, is_cut: bool) -> Iterator[tuple[bytes, bytes]]:
    """Each header, with the content that follows it."""
    place, headers = 0, 0
    while place < len(archives):
        header = archives[place : place + BLOCK]
        place += BLOCK
        if header == _ZEROS:  # marks the end of an archive, and fills its last record
            continue
        if len(header) < BLOCK:
            if is_cut:
                return
            raise UnreadableError("not a tar archive: a header is cut short")
        headers += 1
        if headers > MOST_HEADERS:
            raise UnreadableError(f"over {MOST_HEADERS} headers")
        size = _size_in(header)
        if size > len(archives) - place:
            if is_cut:
                return
            raise UnreadableError("not a tar archive: a member is cut short")
        yield header, archives[place : place + size]
        place += size + -size % BLOCK


def _size_in(header: bytes) -> int:
    expected = sum(header) - sum(header[148:156]) + 8 * ord(" ")
    if _number(header[148:156]) != expected:
        raise UnreadableError("not a tar archive: a header's checksum is wrong")
    return _number(header[124:136])


def _number(field: bytes) -> int:
    """A number in octal digits. tar has another form, for numbers that no harvest can have."""
    digits = _OCTAL.fullmatch(field)
    if digits is None:
        raise UnreadableError(f"not a tar archive: no number in {field!r}")
    return int(digits[1], 8)


def _with(names: _Names, kind: bytes, content: bytes) -> _Names:
    """The names of the next member, with this one added. Raises UnreadableError for a double."""
    if kind == _EXTENDED:
        more = _extended(content)
    elif len(content) > LONGEST_NAME_BYTES + 1:
        raise UnreadableError("a name is too long")
    else:
        more = _Names(name=_text(content)) if kind == _LONG_NAME else _Names(link=_text(content))
    for said, known in ((more.name, names.name), (more.link, names.link)):
        if said is not None and known is not None:
            raise UnreadableError("a name is said twice")
    return replace(
        names,
        name=more.name if names.name is None else names.name,
        link=more.link if names.link is None else names.link,
    )


def _extended(content: bytes) -> _Names:
    """Read POSIX's records: `LENGTH KEY=VALUE` and a newline. LENGTH counts the whole record."""
    if len(content) > LONGEST_EXTENSION_BYTES:
        raise UnreadableError("an extended header is too long")
    said: dict[bytes, bytes] = {}
    place = 0
    while place < len(content):
        begin = _EXTENSION.match(content, place)
        end = place + int(begin[1]) if begin else 0
        if begin is None or end <= begin.end() or content[end - 1 : end] != b"\n":
            raise UnreadableError("an extended header has no end")
        key, value = begin[2], content[begin.end() : end - 1]
        if key == b"size" or key.startswith(b"GNU.sparse"):
            raise UnreadableError(f"no harvest writes {key!r} in an extended header")
        said[key] = value
        place = end
    return _Names(said.get(b"path"), said.get(b"linkpath"))


def _name_of(header: bytes) -> bytes:
    name = _text(header[:100])
    # POSIX's format keeps the beginning of a long name here. GNU's format has other fields here.
    folder = _text(header[345:500]) if header[257:263] == b"ustar\0" else b""
    return folder + b"/" + name if folder else name


def _text(field: bytes) -> bytes:
    return field.partition(b"\0")[0]
