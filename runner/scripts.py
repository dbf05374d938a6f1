"""The files that run inside containers, as text, and other files of the package."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

_PACKAGE = files("runner")
_FOLDER = _PACKAGE / "in_container"


@cache
def script(name: str) -> str:
    """Raises FileNotFoundError."""
    return (_FOLDER / name).read_text(encoding="utf-8")


def docker_seccomp_profile() -> dict[str, Any]:
    """Docker's default list of system calls, in the form that its engine takes."""
    text = (_PACKAGE / "docker_seccomp.json").read_text(encoding="utf-8")
    profile: dict[str, Any] = json.loads(text)
    del profile["comment"]
    return profile
