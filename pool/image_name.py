"""Names of images: which are well formed, and what a name without a tag means.

The grammar is that of Docker's distribution/reference.
"""

import re

LONGEST_NAME = 512

_HOST_PART = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_HOST = re.compile(rf"{_HOST_PART}(?:\.{_HOST_PART})*(?::[0-9]+)?")
_COMPONENT = "[a-z0-9]+(?:(?:[.]|_{1,2}|-+)[a-z0-9]+)*"
_TAG = "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
_ALGORITHM = "[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*"
_REMOTE = re.compile(
    rf"{_COMPONENT}(?:/{_COMPONENT})*(?P<tag>:{_TAG})?(?P<digest>@{_ALGORITHM}:[0-9a-fA-F]{{32,}})?"
)


def is_well_formed(name: str) -> bool:
    """Whether a Docker engine could know an image by this name."""
    return len(name) <= LONGEST_NAME and _match(name) is not None


def with_tag(name: str) -> str:
    """The same name, `:latest` added if it has neither tag nor digest."""
    match = _match(name)
    if match is None or match["tag"] or match["digest"]:
        return name
    return f"{name}:latest"


def _match(name: str) -> re.Match[str] | None:
    first, slash, rest = name.partition("/")
    # Docker's own rule for what tells a registry's host from a user's name.
    if slash and ("." in first or ":" in first or first == "localhost"):
        return _REMOTE.fullmatch(rest) if _HOST.fullmatch(first) else None
    return _REMOTE.fullmatch(name)
