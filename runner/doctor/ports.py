"""Finds in /proc which program listens on a port; Linux has no call for it."""

import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_LISTENS = "0A"  # the state in /proc/net/tcp
_SOCKET = re.compile(r"socket:\[(\d+)\]")


def holder_of(port: int, root: Path) -> str | None:
    """The program, such as `nginx (process 12)`; None if the port is free.

    It is `another user's process` if this user may not see the program.
    """
    inodes = set(_inodes(port, root))
    if not inodes:
        return None
    for process in (root / "proc").glob("[0-9]*"):
        if inodes & set(_sockets_of(process)):
            return f"{_name_of(process)} (process {process.name})"
    return "another user's process"


def _inodes(port: int, root: Path) -> Iterator[str]:
    """The sockets that listen there."""
    for table in ("tcp", "tcp6"):
        try:
            rows = (root / "proc/net" / table).read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, rows):
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _sockets_of(process: Path) -> Iterator[str]:
    try:
        descriptors = list((process / "fd").iterdir())
    except OSError:  # another user's, or it has ended
        return
    for descriptor in descriptors:
        with suppress(OSError):  # it has been closed; the process may have others
            if found := _SOCKET.fullmatch(str(descriptor.readlink())):
                yield found[1]


def _name_of(process: Path) -> str:
    try:
        return (process / "comm").read_text(errors="replace").strip()
    except OSError:
        return "a process"
