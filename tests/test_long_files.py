"""Several test processes begin with what takes longest."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.long_files import LONG, longest_first

ROOT = Path(__file__).parents[1]


def test_every_long_file_is_there() -> None:
    """A file that was moved is named by its new name, or it would come last."""
    assert [name for name in sorted(LONG) if not (ROOT / name).is_file()] == []


def test_long_files_come_first_and_then_those_with_the_most_tests() -> None:
    """The tests of a file stay together, in the order that they had."""
    long = min(LONG)
    items: list[Any] = [
        SimpleNamespace(nodeid=name) for name in ("a::2", "a::1", "b::2", "b::3", "b::1", long)
    ]

    longest_first(items)

    assert [item.nodeid for item in items] == [long, "b::2", "b::3", "b::1", "a::2", "a::1"]
