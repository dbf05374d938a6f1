"""Reads the evaluator's answers, which traffic_light.rb writes, from bytes in any pieces."""

import json
import re
from collections.abc import Iterator
from typing import Any

from runner.colour.questions import Answer, BadPatternError, Colour, ColourFault

_ANSWER_BYTES = 2 * 1024 * 1024
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,7})\n")
_HEADER_BYTES = 32
_LONGEST_WORDS = 4096  # traffic_light.rb writes a quarter of it
_LARGEST_INDEX = 1_000_000  # no question has room for as many names


class Frames:
    """Collects bytes that come in any pieces until answers are whole."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, Answer]]:
        """The answers that are whole by now, each with its question's number.

        Raises ValueError for bytes that are no frame.
        """
        self._unread += data
        while (header := self._header()) is not None:
            end = header.end() + int(header[2])
            if len(self._unread) < end:
                return
            body = bytes(self._unread[header.end() : end])
            del self._unread[:end]
            yield int(header[1]), _answer_in(body)

    def _header(self) -> re.Match[bytes] | None:
        """The header of the next answer; None as long as it is not whole."""
        head = bytes(self._unread[:_HEADER_BYTES])
        if b"\n" not in head and len(head) < _HEADER_BYTES:
            return None
        header = _HEADER.match(head)
        if header is None or int(header[2]) > _ANSWER_BYTES:
            raise ValueError(f"{head!r} is no header")
        return header


def _answer_in(body: bytes) -> Answer:
    """The answer that is in these bytes. Raises ValueError if they are none."""
    try:
        answer = json.loads(body)
    except RecursionError:
        raise ValueError(f"{body[:200]!r} is no answer") from None
    match answer:
        case {"colour": str(colour)}:
            return Colour(colour)
        case {"hidden": list(indexes)}:
            return [_index(index) for index in indexes]
        case {"bad_pattern": index, "message": str(message)}:
            return BadPatternError(_index(index), _words(message))
        case {"context": str(context), "class": str(class_), "message": str(message)}:
            return ColourFault(_words(context), _words(class_), _words(message))
    raise ValueError(f"{body[:200]!r} is no answer")


def _index(value: Any) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST_INDEX:  # True is an int, too
        raise ValueError(f"{value!r:.200} is no index")
    return value


def _words(text: str) -> str:
    """A text of an answer. Raises ValueError, also for halves of a surrogate pair."""
    if len(text.encode()) > _LONGEST_WORDS:
        raise ValueError(f"{text[:200]!r} is too long")
    return text
