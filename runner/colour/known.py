"""Colours that were decided before: by the same lambda, of the same output and status."""

import hashlib

from runner.colour.questions import Colour
from runner.latest import Latest

MOST = 10_000  # of some 150 bytes each


class KnownColours:
    """Remembers which colour a lambda gave for which output.

    Many runs print the same: learners press [test] again, or the whole class begins with the same
    files. A lambda is a function of its three arguments, so its colour is then the same, too.
    Faults are not kept, because a busy machine may have caused them.
    """

    def __init__(self, most: int = MOST) -> None:
        self._colours: Latest[bytes, Colour] = Latest(most)

    def get(self, question: bytes) -> Colour | None:
        """The colour, if it is known; see `question_of`."""
        colour = self._colours.get(question)
        if colour is not None:
            self.put(question, colour)
        return colour

    def put(self, question: bytes, colour: Colour) -> None:
        """Keep a colour. If there are too many, the one asked for longest ago is forgotten."""
        self._colours[question] = colour


def question_of(source: str, stdout: str, stderr: str, status: str) -> bytes:
    """A digest of 32 bytes over all that a colour depends on.

    With a digest the daemon keeps none of the texts that learners print. And nobody can make a
    lambda whose question has the digest of another's.
    """
    digest = hashlib.blake2b(digest_size=32)
    for part in (source, stdout, stderr, status):
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8))  # where one part ends, so that none runs into the next
        digest.update(data)
    return digest.digest()
