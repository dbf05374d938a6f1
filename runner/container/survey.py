"""The findings of a survey: where the learner's user may write in an image, and what it has.

The words are those of a script that runs in the image (inside/survey.sh), with the image's own bash
and find: an author's bytes, of which any may be missing or wrong. An image whose survey says
nothing gets what it got before there were surveys.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

END_MARK = b"\0end\0"
MOST_BYTES = 256 * 1024
LONGEST_S = 10.0  # 0.3 s for an image of 300 MB, the first time

# Where useradd and others put a new user's mail: no program of a learner's looks for any.
_MAIL = re.compile(r"/var/(spool/)?mail/[^/]+")
# What can be mounted on, by whatever words: a launcher's, an engine's, an overlay's.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9._@+=~ -]+)+")
_LONGEST_PATH = 200


class InHome(StrEnum):
    """What an image has in /home/sandbox."""

    EMPTY = "empty"  # or no such folder
    SKELETON = "skeleton"  # what a new user's home begins with, and nothing else
    OURS = "ours"  # something that is the learner's user's, and its group's
    OTHERS = "others"  # something that is others', at least in part


class Holds(StrEnum):
    """What there is at a place."""

    EMPTY = "empty"  # a folder, as far as can be seen
    OURS = "ours"  # a folder of files that are all the learner's user's and its group's
    FILLED = "filled"  # a folder of others' files, at least in part
    FILE = "file"


class Owner(StrEnum):
    """Why the learner's user may write to a place."""

    USER = "user"  # it is its own
    STICKY = "sticky"  # all may, and only to what is theirs: as in /tmp
    OTHERS = "others"  # all may, or its group


@dataclass(frozen=True)
class Place:
    """A place that the learner's user may write to, outside /sandbox, /tmp and its home."""

    path: str
    holds: Holds
    owner: Owner

    @property
    def is_plain(self) -> bool:
        """Whether something can be mounted on it."""
        return len(self.path) <= _LONGEST_PATH and _PLAIN.fullmatch(self.path) is not None


@dataclass(frozen=True)
class Survey:
    """The findings. `is_whole` is False when the survey did not come to its end.

    `overlays` are those folders, of the ones that were asked for, that the image has; `others`
    those of its volumes that hold files of others than the learner's user and group. `missing`
    are programs without which no run can be. `folders` are those of /tmp and the home that the
    image has. `hook` is the warm-up that the image brings, or empty. `user` and `group` are the
    names that it has for the numbers of the learner's; empty if it has none.
    """

    is_whole: bool = False
    user: str = ""
    group: str = ""
    missing: tuple[str, ...] = ()
    home: InHome | None = None
    places: tuple[Place, ...] = ()
    overlays: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    hook: str = ""
    folders: tuple[str, ...] = ()


def survey_of(said: bytes) -> Survey:
    """Read what the script printed; what makes no sense is passed over."""
    words = iter(said.decode(errors="replace").split("\0"))
    found: dict[str, list[str]] = {
        key: []
        for key in ("user", "group", "missing", "overlay", "others", "home", "hook", "folder")
    }
    places: list[Place] = []
    for word in words:
        if word == "place":
            places += _places(words)
        elif word in found:
            found[word].append(next(words, ""))
    home = found["home"]
    return Survey(
        is_whole=said.endswith(END_MARK),
        user="".join(found["user"][:1]),
        group="".join(found["group"][:1]),
        missing=tuple(found["missing"]),
        home=InHome(home[0]) if home and home[0] in set(InHome) else None,
        places=tuple(places),
        overlays=tuple(found["overlay"]),
        others=tuple(found["others"]),
        hook="".join(found["hook"][:1]),
        folders=tuple(found["folder"]),
    )


def _places(words: Iterator[str]) -> Iterator[Place]:
    holds, owner, path = (next(words, "") for _ in range(3))
    if holds == "nothing":
        # An empty file: mail that a new user has not got, or else a file like any other.
        if _MAIL.fullmatch(path):
            return
        holds = Holds.FILE
    if holds in set(Holds) and owner in set(Owner):
        yield Place(path, Holds(holds), Owner(owner))
