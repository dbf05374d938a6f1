"""The questions for the traffic light, and its possible answers: plain data."""

from dataclasses import dataclass
from enum import StrEnum


class Colour(StrEnum):
    """The colours that a lambda may answer."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True)
class ColourFault:
    """Why there is no colour: in which step, and the class and the message of the error.

    The class is that of Ruby's exception if the lambda raised one. Any other cause has a class that
    Ruby lacks: Timeout, NoAnswer, TooLarge, EvaluatorError, EngineError or Closed.
    """

    context: str
    class_: str
    message: str


class BadPatternError(Exception):
    """The pattern at `index` is no regular expression; `message` is Ruby's."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


class NoAnswerError(Exception):
    """The question took too long, or the evaluator failed; see ColourFault for `class_`."""

    def __init__(self, class_: str, message: str) -> None:
        super().__init__(message)
        self.class_ = class_
        self.message = message


# The integers are the indexes of the names that are hidden.
Answer = Colour | ColourFault | BadPatternError | list[int]

_ANSWERS = {
    "colour": (Colour, ColourFault),
    "hidden": (list, BadPatternError, ColourFault),
}


def fits(kind: str, answer: Answer) -> bool:
    """Whether a question of that kind can have such an answer."""
    return isinstance(answer, _ANSWERS[kind])
