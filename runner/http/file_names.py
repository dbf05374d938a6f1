"""Checks the names of a request's files: which are allowed, what they mean, and how many."""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeVar

from runner.http.errors import RequestError

LONGEST_COMPONENT_BYTES = 255  # NAME_MAX of the kernel
LONGEST_NAME_BYTES = 4000  # PATH_MAX is 4096, and /sandbox/ comes before it
# A kata has some dozen files in a few folders. Each name and each folder costs half a kilobyte of
# tar and 20 us of CPU, so their number is limited.
MOST_FILES = 4000
MOST_FOLDERS = 4000
MOST_NAMES_BYTES = 256 * 1024
MOST_PARTS = 64

# The pattern of a name in the API's document: some components, of which none is `..`, and the last
# is that of a file. No pattern can tell the rules about lengths, about two names for one file, and
# about folders.
_LAST = r"(?:[^/\x00.][^/\x00]*|\.[^/\x00.][^/\x00]*|\.\.[^/\x00]+)"
NAME_PATTERN = rf"^(?:(?:{_LAST}|\.)/(?:(?:{_LAST}|\.)?/)*)?{_LAST}$"

_LONGEST_QUOTE = 5000  # characters of a name that a message repeats

_T = TypeVar("_T")
_Tree = dict[str, Any]  # a folder: the folders in it, by name


def files_under_sandbox(files: Mapping[str, _T]) -> dict[str, _T]:
    """The same files by plain names relative to /sandbox: `./a` and `d//a` become `a` and `d/a`.

    The work grows with the bytes of the names. Raises RequestError with a message that says which
    name cannot be taken and why, or which limit is exceeded.
    """
    sent_as: dict[str, str] = {}
    for name in files:
        plain = "/".join(_parts_of(name))
        twin = sent_as.setdefault(plain, name)
        if twin != name:
            raise _refusal(f"the names {_quoted(twin)} and {_quoted(name)} are the same file")
    _check_folders(sent_as)
    return {plain: files[name] for plain, name in sent_as.items()}


def check_amount(names: Collection[str]) -> None:
    """Raises RequestError for more names, or more bytes of names, than a kata could need."""
    if len(names) > MOST_FILES:
        raise _refusal(f"{len(names)} names are over the limit of {MOST_FILES}")
    total_bytes = 0
    for name in names:
        total_bytes += len(name.encode())
        if total_bytes > MOST_NAMES_BYTES:
            limit = f"the limit of {MOST_NAMES_BYTES} bytes for all names"
            raise _refusal(f"with the name {_quoted(name)} they are over {limit}")


def _parts_of(name: str) -> list[str]:
    """The components of a name, without empty ones and `.`. Raises RequestError."""
    components = name.split("/")
    parts = [part for part in components if part not in ("", ".")]
    fault = None
    if "\0" in name:
        fault = "holds a NUL"
    elif name.startswith("/") or ".." in components:
        fault = "would leave /sandbox"
    elif components[-1] in ("", "."):
        fault = "is not a plain path of a file"
    elif len(parts) > MOST_PARTS:
        fault = f"has {len(parts)} parts, over the limit of {MOST_PARTS}"
    elif any(len(part.encode()) > LONGEST_COMPONENT_BYTES for part in parts):
        fault = f"has a part of over {LONGEST_COMPONENT_BYTES} bytes"
    elif len(name.encode()) > LONGEST_NAME_BYTES:
        fault = f"is over {LONGEST_NAME_BYTES} bytes long"
    if fault:
        raise _refusal(f"the name {_quoted(name)} {fault}")
    return parts


def _check_folders(sent_as: Mapping[str, str]) -> None:
    """Raises RequestError for too many folders, and if a name is both a file's and a folder's."""
    tree: _Tree = {}
    count = 0
    for plain, name in sent_as.items():
        folder = tree
        for part in plain.split("/")[:-1]:
            if part not in folder:
                folder[part] = {}
                count += 1
            folder = folder[part]
        if count > MOST_FOLDERS:
            limit = f"the limit of {MOST_FOLDERS} folders"
            raise _refusal(f"with the name {_quoted(name)} they are over {limit}")
    for plain, name in sent_as.items():
        if _is_folder(tree, plain.split("/")):
            raise _refusal(f"the name {_quoted(name)} is a file and a directory at once")


def _is_folder(tree: _Tree, parts: Iterable[str]) -> bool:
    folder: _Tree | None = tree
    for part in parts:
        if folder is None:
            return False
        folder = folder.get(part)
    return folder is not None


def _refusal(why: str) -> RequestError:
    return RequestError(400, f"files: {why}")


def _quoted(name: str) -> str:
    cut = name[:_LONGEST_QUOTE]
    return json.dumps(cut) + ("..." if len(name) > _LONGEST_QUOTE else "")
