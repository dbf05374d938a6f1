"""The survey of an image: what is read of a script's words, whatever they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.container.survey import Holds, InHome, Place, PlaceOwner, Survey, survey_of

WHOLE = (
    b"user\0sandbox\0group\0kata\0missing\0gzip\0overlay\0/usr\0others\0/data\0folder\0/tmp\0"
    b"home\0skeleton\0"
)


def place(*words: str) -> bytes:
    """The words of one place."""
    return "".join(f"{word}\0" for word in ("place", *words)).encode()


def test_all_words_are_read() -> None:
    """A survey tells names, missing programs, folders, the home, and places with their owners."""
    said = WHOLE + place("ours", "user", "/etc/kata") + place("file", "others", "/x") + b"end\0"

    assert survey_of(said) == Survey(
        is_whole=True,
        user="sandbox",
        group="kata",
        missing=("gzip",),
        home=InHome.SKELETON,
        overlays=("/usr",),
        folders=("/tmp",),
        others=("/data",),
        places=(
            Place("/etc/kata", Holds.OURS, PlaceOwner.USER),
            Place("/x", Holds.FILE, PlaceOwner.OTHERS),
        ),
    )


def test_what_came_before_a_break_counts() -> None:
    """A survey that was cut short is not whole, but what it had found is true."""
    survey = survey_of(b"home\0ours\0" + place("filled", "sticky", "/go") + b"place\0emp")

    assert (survey.is_whole, survey.home) == (False, InHome.OURS)
    assert survey.places == (Place("/go", Holds.FILLED, PlaceOwner.STICKY),)


def test_an_empty_mailbox_is_no_place() -> None:
    """The file that useradd makes for a new user's mail changes nothing; another file counts."""
    said = place("nothing", "user", "/var/mail/sandbox") + place("nothing", "user", "/notes")

    assert survey_of(said).places == (Place("/notes", Holds.FILE, PlaceOwner.USER),)


@pytest.mark.parametrize(
    "path", ["/a,b", "/a:b", "/a\nb", "/a\\b", "/\N{SNOWMAN}", "/" + "x" * 200]
)
def test_on_an_odd_path_nothing_is_mounted(path: str) -> None:
    """Neither an engine nor a launcher is told to mount on a path with words of theirs in it."""
    assert not Place(path, Holds.EMPTY, PlaceOwner.USER).is_plain


def test_on_a_plain_path_something_can_be_mounted() -> None:
    """Blanks, dots and dashes are plain."""
    assert Place("/var/lib/my app-1.0", Holds.EMPTY, PlaceOwner.USER).is_plain


@given(st.binary(max_size=200) | st.lists(st.sampled_from(["place", "home", "end", "", "x"])))
def test_any_words_are_survived(said: bytes | list[str]) -> None:
    """No words that an image's programs print make the survey fail."""
    words = said if isinstance(said, bytes) else "\0".join(said).encode()

    assert isinstance(survey_of(words), Survey)
