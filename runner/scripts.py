"""The files that run inside containers, as text."""

from importlib.resources import files

_FOLDER = files("runner") / "in_container"


def script(name: str) -> str:
    """Raises FileNotFoundError."""
    return (_FOLDER / name).read_text(encoding="utf-8")
