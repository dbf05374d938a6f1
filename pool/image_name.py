"""Names of images: which are well formed, and which of them mean the same image.

The grammar is that of Docker's distribution/reference, and so is what a short name stands for.
"""

import re
from functools import lru_cache
from typing import NamedTuple

LONGEST_NAME = 512
# Every run asks several times for the usual name of its image, and to parse a name takes long.
_MOST_REMEMBERED = 1000

_HOST_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"{_HOST_PART}(?:\.{_HOST_PART})*(?::[0-9]+)?")
_COMPONENT = "[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*"
_TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_ALGORITHM = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*"
_REMOTE = re.compile(
    rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)"
    rf"(?P<version>(?::{_TAG})?(?:@{_ALGORITHM}:[0-9a-fA-F]{{32,}})?)"
)
# An engine takes such a name for an image's id, or for the beginning of one.
_ID = re.compile(r"sha(?:256|384|512):[0-9a-fA-F]+|[0-9a-f]{64}")

# The same grammar as one expression without groups, for a JSON schema. A first part with a dot or a
# colon is a registry's host, so the first component of a path has neither.
_HOSTED = rf"(?:{_HOST_PART}(?:\.{_HOST_PART})+(?::[0-9]+)?|{_HOST_PART}:[0-9]+|localhost)/"
_DOTLESS = "[a-z0-9]+(?:(?:_{1,2}|-+)[a-z0-9]+)*"
_PATH = f"(?:{_HOSTED}{_COMPONENT}(?:/{_COMPONENT})*|{_DOTLESS}(?:/{_COMPONENT})+|{_COMPONENT})"
PATTERN = rf"^(?:{_ID.pattern}|{_PATH}(?::{_TAG})?(?:@{_ALGORITHM}:[0-9a-fA-F]{{32,}})?)$"

_HUB = "docker.io"
_HUBS = (_HUB, "index.docker.io")
_LIBRARY = "library/"  # where Docker Hub keeps images whose names have no slash


class _Name(NamedTuple):
    host: str
    path: str
    version: str  # the tag with its colon, the digest with its @, or both; may be empty


def is_well_formed(name: str) -> bool:
    """Whether a Docker engine could know an image by this name."""
    return len(name) <= LONGEST_NAME and (is_id(name) or _parse(name) is not None)


def is_id(name: str) -> bool:
    """Whether an engine would take the name for an image's id, which may be any image's."""
    return _ID.fullmatch(name) is not None


def usual_name(name: str) -> str:
    """The shortest of all names that mean the same image, with its tag, as Docker lists images.

    `docker.io/library/gcc` and `gcc` are both `gcc:latest`. Ids and malformed names stay as they
    are.
    """
    return _usual_name(name) if len(name) <= LONGEST_NAME else name


@lru_cache(_MOST_REMEMBERED)
def _usual_name(name: str) -> str:
    parsed = None if is_id(name) else _parse(name)
    if parsed is None:
        return name
    path = parsed.path
    if parsed.host == _HUB:
        short = path.removeprefix(_LIBRARY)
        path = short if "/" not in short else path
        return f"{path}{parsed.version or ':latest'}"
    return f"{parsed.host}/{path}{parsed.version or ':latest'}"


def full_name(name: str) -> str:
    """The longest of all names that mean the same image.

    `gcc` is `docker.io/library/gcc:latest`. Hosts are in small letters. Ids and malformed names
    stay as they are.
    """
    parsed = None if is_id(name) else _parse(name)
    if parsed is None:
        return name
    return f"{parsed.host.lower()}/{parsed.path}{parsed.version or ':latest'}"


def _parse(name: str) -> _Name | None:
    first, slash, rest = name.partition("/")
    # Docker tells a registry's host from a user's name by this rule.
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if has_host and not _HOST.fullmatch(first):
        return None
    match = _REMOTE.fullmatch(rest if has_host else name)
    if match is None:
        return None
    host, path = first if has_host else _HUB, match["path"]
    if host in _HUBS:
        host, path = _HUB, path if "/" in path else f"{_LIBRARY}{path}"
    return _Name(host, path, match["version"])
