"""An event of the log as one line: JSON for programs, key=value for people at a terminal."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

_PLAIN = re.compile(r"[\w./:@%+,-]+", re.ASCII)

# json.dumps with these arguments would make a new encoder for each line.
_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode

_RESET, _DIM, _BOLD = "\x1b[0m", "\x1b[2m", "\x1b[1m"
_LEVEL_COLOURS = {
    "INFO": "\x1b[32m",
    "WARNING": "\x1b[33m",
    "ERROR": "\x1b[1;31m",
    "CRITICAL": "\x1b[1;31m",
}


@dataclass(frozen=True)
class Event:
    """One event of the log, with the `fields` that were bound to it."""

    time: datetime
    level: str
    message: str
    fields: Mapping[str, Any]


LineOf = Callable[[Event], str]


def as_json(event: Event) -> str:
    """The event as one flat JSON object."""
    head = {"time": event.time.isoformat(), "level": event.level, "message": event.message}
    return escaped(_encode({**head, **event.fields}))


def as_text(event: Event) -> str:
    """Time, level, message, and key=value for each field."""
    return " ".join(
        (
            event.time.isoformat(timespec="milliseconds"),
            f"{event.level:<7}",
            escaped(event.message),
            *(f"{escaped(key)}={_value(value)}" for key, value in event.fields.items()),
        )
    )


def as_coloured_text(event: Event) -> str:
    """The same as `as_text`, in a terminal's colours."""
    colour = _LEVEL_COLOURS.get(event.level, _DIM)
    return " ".join(
        (
            f"{_DIM}{event.time.isoformat(timespec='milliseconds')}{_RESET}",
            f"{colour}{event.level:<7}{_RESET}",
            f"{_BOLD}{escaped(event.message)}{_RESET}",
            *(
                f"{_DIM}{escaped(key)}={_RESET}{_value(value)}"
                for key, value in event.fields.items()
            ),
        )
    )


def escaped(text: str) -> str:
    r"""The text with \uXXXX for each character that is not printed; in JSON it means the same.

    Ids of learners and words of engines are logged. A terminal would obey some of their characters,
    and others would end the line.
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else json.dumps(one)[1:-1] for one in text)


def _value(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value):
        return value
    return escaped(_encode(value))
