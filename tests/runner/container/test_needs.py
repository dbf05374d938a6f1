"""Which kinds of container an image can have, from what was found in it."""

from dataclasses import replace

import pytest

from runner.container.needs import Needs, Root, folders_there, needs_of, replaced
from runner.container.profile import Home, ImageProfile
from runner.container.survey import Holds, InHome, Place, PlaceOwner, Survey

EMPTY = Place("/var/tmp", Holds.EMPTY, PlaceOwner.STICKY)
OURS = Place("/etc/kata", Holds.OURS, PlaceOwner.USER)
FILLED = Place("/cache", Holds.FILLED, PlaceOwner.OTHERS)
FILE = Place("/notes", Holds.FILE, PlaceOwner.OTHERS)


def profile_of(*places: Place, home: InHome = InHome.EMPTY, **facts: object) -> ImageProfile:
    """An image in which these places were found."""
    kept = Home.TMPFS if home in {InHome.EMPTY, InHome.SKELETON} else Home.COPIED
    survey = Survey(is_whole=True, home=home, places=places, others=("/data",))
    return ImageProfile("sha256:1", kept, None, survey=survey, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "places", [(), (EMPTY,), (EMPTY, Place("/srv", Holds.EMPTY, PlaceOwner.USER))]
)
def test_empty_places_are_replaced(places: tuple[Place, ...]) -> None:
    """Where a program may write into empty folders only, a tmpfs each is all that is needed."""
    assert needs_of(profile_of(*places), Root.BY_PROFILE) == Needs()
    assert replaced(profile_of(*places)) == places


def test_folders_that_an_image_has_are_known() -> None:
    """Folders that an image has are those that its survey names, and the empty ones
    that a tmpfs replaces.
    """
    profile = profile_of(EMPTY, OURS)
    survey = replace(profile.survey, folders=("/tmp",))

    there = folders_there(replace(profile, survey=survey))
    assert there == {"/tmp", "/var/tmp"}


@pytest.mark.parametrize("place", [FILLED, FILE, Place("/", Holds.FILLED, PlaceOwner.USER)])
def test_filled_places_need_a_writable_root(place: Place) -> None:
    """What holds others' files, or is a file, is writable in a container for one run only."""
    needs = needs_of(profile_of(EMPTY, place), Root.BY_PROFILE)

    assert (needs.writable_root, needs.in_cells) == (True, False)
    assert needs.why == f"the sandbox user may write to {place.path}"


def test_a_place_of_ours_is_overlaid_in_cells() -> None:
    """A folder that is all the learner's user's is writable in a cell, too."""
    needs = needs_of(profile_of(EMPTY, OURS), Root.BY_PROFILE)

    assert (needs.writable_root, needs.in_cells, needs.overlays) == (True, True, ("/etc/kata",))


@pytest.mark.parametrize(
    "places",
    [
        tuple(Place(f"/opt/{number}", Holds.OURS, PlaceOwner.USER) for number in range(9)),
        (OURS, FILE),
        (Place("/a,b", Holds.OURS, PlaceOwner.USER),),
        (Place("/a,b", Holds.EMPTY, PlaceOwner.USER),),
        tuple(Place(f"/opt/{number}", Holds.EMPTY, PlaceOwner.USER) for number in range(17)),
    ],
)
def test_what_cannot_all_be_mounted_is_in_no_cell(places: tuple[Place, ...]) -> None:
    """An image with too many places, an odd path, or one that no overlay serves gets
    a writable root.
    """
    needs = needs_of(profile_of(*places), Root.BY_PROFILE)

    assert (needs.writable_root, needs.in_cells, needs.overlays) == (True, False, ())


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"is_odd": True}, "volumes"),
        ({"home": InHome.OTHERS}, "in its home"),
        ({"filled_volumes": ("/data",)}, "in /data"),
    ],
)
def test_what_no_cell_can_copy(facts: dict[str, object], words: str) -> None:
    """Others' files in a home or a volume take the cells from an image, and nothing else."""
    needs = needs_of(profile_of(**facts), Root.BY_PROFILE)  # type: ignore[arg-type]

    assert (needs.writable_root, needs.in_cells) == (False, False)
    assert words in needs.why


def test_others_files_that_are_in_no_volume_of_the_image_change_nothing() -> None:
    """The survey speaks of volumes that an engine may have judged otherwise."""
    assert needs_of(profile_of(empty_volumes=("/data",)), Root.BY_PROFILE).in_cells


def test_a_place_in_a_volume_is_new_for_each_run_anyway() -> None:
    """Places in volumes need nothing more."""
    profile = profile_of(
        Place("/cache/deep", Holds.FILE, PlaceOwner.USER), filled_volumes=("/cache",)
    )

    assert needs_of(profile, Root.BY_PROFILE) == Needs()


def test_a_setting_keeps_a_root_read_only() -> None:
    """An image whose root a setting keeps read-only can have cells.

    Operators read what it does not get.
    """
    needs = needs_of(profile_of(FILLED), Root.READ_ONLY)

    assert (needs.writable_root, needs.in_cells) == (False, True)
    assert needs.why.endswith("may not write to /cache")
    assert needs_of(profile_of(EMPTY), Root.READ_ONLY) == Needs()


@pytest.mark.parametrize("root", [Root.WRITABLE, Root.FOUND_OUT])
def test_a_writable_root_is_in_no_cell(root: Root) -> None:
    """A container with a writable root serves one run, whether the image or a setting wants it."""
    needs = needs_of(profile_of(), root)

    assert (needs.writable_root, needs.in_cells) == (True, False)
    assert needs.why


def test_a_reason_names_the_first_places() -> None:
    """A reason has a bounded length, however many places there are, and however long."""
    files = [Place(f"/{number}{'x' * 300}", Holds.FILE, PlaceOwner.USER) for number in range(60)]

    assert len(needs_of(profile_of(*files), Root.BY_PROFILE).why) < 400
