"""Decides, from the profile of an image, which kinds of container its runs can have: pure.

A program must be able to write where it could write with a plain `docker run`.

- An empty folder is easy: a tmpfs takes its place, in either kind of container.
- For a folder with files in it, a container for a single run gets a root that is not read-only. The
  engine then copies a file only when the program writes to it.
- A cell gets an overlay over such a folder. An overlay cannot copy a file of a user or group that
  the cell's user namespace lacks (EOVERFLOW). An image that has such files gets no cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from runner.container.profile import Home, ImageProfile
from runner.container.survey import Holds, InHome, Place

# Each tmpfs is one more mount in every container or cell. Most images need two or three.
_MOST_TMPFS = 16
_MOST_OVERLAYS = 8
_NAMED = 3  # places that a reason names; of further ones it says only how many there are


class Root(Enum):
    """What an operator has decided, or a run has shown, about an image's root."""

    BY_PROFILE = "by its profile"
    READ_ONLY = "read-only"  # an operator says so, whatever the image needs
    WRITABLE = "writable"  # an operator says so
    FOUND_OUT = "found out"  # a run failed on a read-only root, and not on a writable one


@dataclass(frozen=True)
class Needs:
    """The kinds of container that an image's runs can have; `why` is for operators.

    `writable_root` tells whether a container for a single run gets a root that is not read-only.
    `in_cells` tells whether a cell can have all that the image needs, and `overlays` are the
    image's folders that are made writable in each cell.
    """

    writable_root: bool = False
    in_cells: bool = True
    overlays: tuple[str, ...] = ()
    why: str = ""


def needs_of(profile: ImageProfile, root: Root) -> Needs:
    """The kinds of container for an image."""
    against_cells = _against_cells(profile)
    filled = _filled(profile)
    match root:
        case Root.READ_ONLY:
            return Needs(in_cells=not against_cells, why=against_cells or _pinned_why(filled))
        case Root.WRITABLE:
            return Needs(True, False, why="a setting wants a writable root")
        case Root.FOUND_OUT:
            return Needs(
                True, False, why="a run failed on a read-only root, and not on a writable one"
            )
    if not filled:
        return Needs(in_cells=not against_cells, why=against_cells)
    why = f"the sandbox user may write to {_names(filled)}"
    can_be_overlaid = len(filled) <= _MOST_OVERLAYS and all(
        place.holds is Holds.OURS and place.is_plain for place in filled
    )
    if against_cells or not can_be_overlaid:
        return Needs(True, False, why=f"{why}; {against_cells}" if against_cells else why)
    return Needs(True, overlays=tuple(place.path for place in filled), why=why)


def replaced(profile: ImageProfile) -> tuple[Place, ...]:
    """The places that a tmpfs can stand in for."""
    empty = (place for place in profile.places if place.holds is Holds.EMPTY and place.is_plain)
    return tuple(empty)[:_MOST_TMPFS]


def folders_there(profile: ImageProfile) -> frozenset[str]:
    """The folders which a tmpfs takes the place of, and that the image has itself."""
    return frozenset((*profile.survey.folders, *(place.path for place in replaced(profile))))


def _filled(profile: ImageProfile) -> list[Place]:
    ours = replaced(profile)
    return [place for place in profile.places if place not in ours]


def _against_cells(profile: ImageProfile) -> str:
    """The reason why a cell would lack something that the image needs; empty if there is none."""
    if profile.is_odd:
        return "volumes of it cannot be had anew for each cell"
    if profile.home is Home.COPIED and profile.survey.home is InHome.OTHERS:
        return "in its home are files of others than the sandbox user and group"
    if others := set(profile.survey.others).intersection(profile.filled_volumes):
        return f"in {min(others)} are files of others than the sandbox user and group"
    return ""


def _pinned_why(filled: Sequence[Place]) -> str:
    if not filled:
        return ""
    return f"a setting wants a read-only root; the sandbox user may not write to {_names(filled)}"


def _names(places: Sequence[Place]) -> str:
    """The paths of the first few places, cut short, and how many more there are."""
    named = ", ".join(place.path[:100] for place in places[:_NAMED])
    more = len(places) - _NAMED
    return f"{named} and {more} more" if more > 0 else named
