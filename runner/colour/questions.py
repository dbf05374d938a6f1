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
    """Why there is no colour: what was being done, and the class and the words of what happened.

    A class that is none of Ruby's (Timeout, NoAnswer, TooLarge, EvaluatorError, EngineError,
    Closed) says that it was not the lambda that spoke.
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


# The indexes are those of hidden names.
Answer = Colour | ColourFault | BadPatternError | list[int]

_ANSWERS = {
    "colour": (Colour, ColourFault),
    "hidden": (list, BadPatternError, ColourFault),
}


def fits(kind: str, answer: Answer) -> bool:
    """Whether a question of that kind can have such an answer."""
    return isinstance(answer, _ANSWERS[kind])
