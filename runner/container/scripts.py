"""The shell scripts that run inside containers, as text."""

from functools import cache
from importlib.resources import files


@cache
def script(name: str) -> str:
    """A file of `inside/`. Raises FileNotFoundError."""
    return (files("runner.container") / "inside" / name).read_text(encoding="utf-8")
