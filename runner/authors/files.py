"""Reads the files of a start point's folder, and none that is elsewhere, whatever leads there.

A start point may come from a stranger, and what is read of it is sent to a daemon.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.cli.terminal import CommandError

# A plain folder with more was named by mistake: somebody's home, say, or a checkout with
# node_modules.
MOST_FILES = 500
MOST_BYTES = 8 * 1024 * 1024
MOST_ENTRIES = 2_000  # files and folders that are looked at, be they sent or not

# The files in these folders are the kernel's. They look ordinary, but a read may take for ever.
_KERNEL = (Path("/proc"), Path("/sys"))


class StartPointError(CommandError):
    """The folder cannot be run as a kata; the message says in one line what to do."""


class _UnfitError(ValueError):
    """The file is of a kind that is not read; the message says why."""


@dataclass(frozen=True)
class TextsBelow:
    """All texts of a folder by their names, and the names of its links that lead out of it."""

    texts: dict[str, str]
    lead_out: tuple[str, ...]


def read_below(folder: Path, name: str, called: str) -> str:
    """The text of the file of this name in the folder. Links may not lead out of the folder.

    Raises StartPointError, whose message begins with what the file is `called`.
    """
    with _errors_of(called, folder):
        return _text(_fit(_place(folder, name)))


def trouble_with(folder: Path, name: str) -> str:
    """The words of read_below for a file that is not there or not fit; empty if it is fit.

    The file is not read, so it is not known whether it is a text.
    """
    try:
        with _errors_of(name, folder):
            _fit(_place(folder, name))
    except StartPointError as error:
        return str(error)
    return ""


def texts_below(folder: Path) -> TextsBelow:
    """The texts of a folder and of the folders in it, but for hidden ones.

    Raises StartPointError if they are too many, too large, or among too many other files.
    """
    texts: dict[str, str] = {}
    lead_out = []
    left_bytes = MOST_BYTES
    for path in sorted(_paths_below(folder)):
        name = str(path.relative_to(folder))
        try:
            place = _place(folder, name)
        except _UnfitError:
            lead_out.append(name)
            continue
        try:
            left_bytes -= _size_bytes(place)
            if len(texts) >= MOST_FILES or left_bytes < 0:
                raise _too_large(folder)
            name.encode()
            texts[name] = _text(place)
        except (OSError, ValueError):
            continue  # it is no text, or has no name of UTF-8: a learner could not see it, either
    return TextsBelow(texts, tuple(lead_out))


def _paths_below(folder: Path) -> Iterator[Path]:
    """The paths of all but folders and hidden entries. No link is followed.

    Raises StartPointError for more than MOST_ENTRIES.
    """
    looked_at = 0
    folders = [folder]
    while folders:
        try:
            entries = os.scandir(folders.pop())
        except OSError:
            continue  # it may not be read
        with entries:
            for entry in entries:
                looked_at += 1
                if looked_at > MOST_ENTRIES:
                    raise _too_large(folder)
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    yield Path(entry.path)


def _place(folder: Path, name: str) -> Path:
    """The path without links. Raises _UnfitError if it is not in the folder."""
    place = Path(os.path.realpath(folder / name))
    if not place.is_relative_to(os.path.realpath(folder)):
        raise _UnfitError("leads out of the folder")
    return place


def _fit(place: Path) -> Path:
    if _size_bytes(place) > MOST_BYTES:
        raise _UnfitError("is too large for a kata")
    return place


def _size_bytes(place: Path) -> int:
    """Raises OSError and _UnfitError, for what is no ordinary file."""
    status = place.stat()
    if stat.S_ISDIR(status.st_mode):
        raise _UnfitError("is a folder")
    # A pipe may say nothing for ever, and a device never end.
    if not stat.S_ISREG(status.st_mode) or any(map(place.is_relative_to, _KERNEL)):
        raise _UnfitError("is no ordinary file")
    return status.st_size


def _text(place: Path) -> str:
    """Raises OSError, and ValueError for what is not UTF-8."""
    # The file may have become a pipe or a link: a pipe is not waited for, a link is not followed.
    descriptor = os.open(place, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, encoding="utf-8") as file:
        return file.read(MOST_BYTES)


def _too_large(folder: Path) -> StartPointError:
    return StartPointError(f"{folder} is too large for a kata: write a manifest.json")


@contextmanager
def _errors_of(called: str, folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise StartPointError(f"{called}: there is no such file in {folder}") from error
    except (OSError, ValueError) as error:
        raise StartPointError(f"{called}: {why(error)}") from error


def why(error: OSError | ValueError) -> str:
    """The words for an error of the file system, for a malformed name, or for no UTF-8."""
    match error:
        case _UnfitError():
            return str(error)
        case OSError():
            return str(error.strerror)
        case UnicodeDecodeError():
            return "is not UTF-8"
        case _:  # of a NUL, or half of a surrogate pair
            return "cannot be the name of a file"
