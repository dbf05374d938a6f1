"""The findings of a survey: where the learner's user may write in an image, and what it has.

A script that runs in the image (inside/survey.sh) prints them, by means of the image's own bash and
find. Those are programs of the image's author, so any word may be missing or wrong. An image whose
survey says nothing gets the usual container, without further places to write to.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

END_MARK = b"\0end\0"
MOST_BYTES = 256 * 1024
LONGEST_S = 10.0  # an image of 300 MB takes 0.3 s, the first time

# useradd makes this file for a new user's mail. No learner's program needs it.
_MAIL = re.compile(r"/var/(spool/)?mail/[^/]+")
# A path of these characters can be mounted on: neither the engine, nor the launcher, nor an overlay
# takes one of them for a separator.
_PLAIN = re.compile(r"(?:/[A-Za-z0-9._@+=~ -]+)+")
_LONGEST_PATH = 200


class InHome(StrEnum):
    """What an image has in /home/sandbox."""

    EMPTY = "empty"  # or no such folder
    SKELETON = "skeleton"  # what a new user's home begins with, and nothing else
    OURS = "ours"  # files that all belong to the learner's user and group
    OTHERS = "others"  # files of which at least one belongs to somebody else


class Holds(StrEnum):
    """The kind of thing that is at a place, and whose it is."""

    EMPTY = "empty"  # a folder in which the learner's user sees nothing
    OURS = "ours"  # a folder of files that all belong to the learner's user and group
    FILLED = "filled"  # a folder of files of which at least one belongs to somebody else
    FILE = "file"


class PlaceOwner(StrEnum):
    """Why the learner's user may write to a place."""

    USER = "user"  # the place belongs to the learner's user
    STICKY = "sticky"  # all users may, and each may remove its own files only: as in /tmp
    OTHERS = "others"  # all users may, or the learner's group


@dataclass(frozen=True)
class Place:
    """A place that the learner's user may write to, outside /sandbox, /tmp and its home."""

    path: str
    holds: Holds
    owner: PlaceOwner

    @property
    def is_plain(self) -> bool:
        """Whether something can be mounted on it."""
        return len(self.path) <= _LONGEST_PATH and _PLAIN.fullmatch(self.path) is not None


@dataclass(frozen=True)
class Survey:
    """The findings. `is_whole` is False when the survey did not come to its end.

    `overlays` are the folders that the image has of those that were asked for. `others` are its
    volumes that hold files of somebody else than the learner's user and group. `missing` are
    programs that a run needs and the image lacks. `folders` are those of /tmp and the home that the
    image has. `hook` is the warm-up that the image brings, or empty. `user` and `group` are the
    image's names for the numbers of the learner's user and group; empty if it has none.
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
    """Read what the script printed. Words that make no sense are passed over."""
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
        # The user's empty mailbox is no place that a program needs to write to.
        if _MAIL.fullmatch(path):
            return
        holds = Holds.FILE
    if holds in set(Holds) and owner in set(PlaceOwner):
        yield Place(path, Holds(holds), PlaceOwner(owner))
