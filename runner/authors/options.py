"""The replacements that turn a start point, which is red, into one that is amber or green."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.authors.files import StartPointError
from runner.authors.start_point import StartPoint, read_json

OPTIONS = "options.json"
COLOURS = ("red", "amber", "green")


@dataclass(frozen=True)
class Replacement:
    """A text to be replaced in the file of this name; if that is None, in any file that has it."""

    filename: str | None
    old: str
    new: str


# Every start point of cyber-dojo begins with 6 * 9, where its test expects 42.
_USUAL: Mapping[str, Replacement] = {
    "amber": Replacement(None, "6 * 9", "6 * 9sd"),
    "green": Replacement(None, "6 * 9", "6 * 7"),
}


def read_replacements(start_point: StartPoint) -> Mapping[str, Replacement]:
    """The replacements for amber and green: those of options.json, or the usual ones without it.

    `{"amber": {"filename": NAME, "from": TEXT, "to": TEXT}, "green": ...}`. Raises StartPointError.
    """
    path = start_point.folder / OPTIONS
    if not os.path.lexists(path):
        return _USUAL
    found = {colour: _parsed(colour, said) for colour, said in read_json(path).items()}
    return {**_USUAL, **found}


def in_colour(
    colour: str, start_point: StartPoint, replacements: Mapping[str, Replacement]
) -> StartPoint:
    """The start point that must have this colour; the unchanged one is red, unless options.json
    says otherwise.

    Raises StartPointError if a text that is to be replaced is not there.
    """
    replacement = replacements.get(colour)
    if replacement is None:
        return start_point
    filename = replacement.filename
    if filename is None:
        having = [name for name, text in start_point.files.items() if replacement.old in text]
        if not having:
            raise StartPointError(
                f"no file contains {replacement.old!r}: say in {OPTIONS} what makes it {colour}"
            )
        filename = having[0]
    return start_point.with_text(filename, replacement.old, replacement.new)


def _parsed(colour: str, said: Any) -> Replacement:
    if colour not in COLOURS:
        raise StartPointError(f"{OPTIONS}: {colour!r} is none of {', '.join(COLOURS)}")
    keys = ("filename", "from", "to")
    if not isinstance(said, dict) or sorted(said) != sorted(keys):
        raise StartPointError(f"{OPTIONS}: {colour} must have just {', '.join(keys)}")
    for key in keys:
        if not isinstance(said[key], str):
            raise StartPointError(f"{OPTIONS}: {colour}.{key} must be a text")
    return Replacement(said["filename"], said["from"], said["to"])
