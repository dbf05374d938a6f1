"""Names of files: which are taken, what they become, and how many there may be."""

import posixpath
import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.http.errors import RequestError
from runner.http.file_names import (
    MOST_FILES,
    MOST_FOLDERS,
    MOST_NAMES_BYTES,
    MOST_PARTS,
    check_amount,
    files_under_sandbox,
)


def taken(*names: str) -> dict[str, None]:
    """What becomes of files of these names."""
    check_amount(names)
    return files_under_sandbox(dict.fromkeys(names))


def refusal_of(*names: str) -> str:
    """Why files of these names are not taken."""
    with pytest.raises(RequestError) as caught:
        taken(*names)
    assert caught.value.status == 400
    return caught.value.message


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["a/b", "a"], '"a" is a file and a directory at once'),
        (["a", "a/b/c", "x"], '"a" is a file and a directory at once'),
        (["./a", "a//b"], '"./a" is a file and a directory at once'),
        (["x", "../é\n"], '"../\\u00e9\\n" would leave /sandbox'),
        (["a/../b"], '"a/../b" would leave /sandbox'),
        (["a\0"], '"a\\u0000" holds a NUL'),
        (["x" * 256], f'"{"x" * 256}" has a part of over 255 bytes'),
        (["/".join(["é" * 127] * 16)], "is over 4000 bytes long"),
        (["a/"], '"a/" is not a plain path of a file'),
        (["a/."], '"a/." is not a plain path of a file'),
        ([""], '"" is not a plain path of a file'),
    ],
)
def test_a_refusal_of_a_name_says_which_and_why(names: list[str], fault: str) -> None:
    """The refusal is one line of plain ASCII."""
    message = refusal_of(*names)

    assert message.startswith("files: the name ")
    assert message.endswith(fault)
    assert message.isascii()


@pytest.mark.parametrize(
    "name", ["x" * 255, "é" * 127, "...", "..a", "a..", ".a/.b", "~", "-", " ", "a\\..\\b", "*"]
)
def test_an_odd_name_is_taken_as_it_is(name: str) -> None:
    """A name that a file can have is kept to the letter."""
    assert files_under_sandbox({name: "", "other": ""}) == {name: "", "other": ""}


@pytest.mark.parametrize(
    ("sent", "plain"), [("./a", "a"), ("d//a", "d/a"), ("././d/.//./a", "d/a"), ("d/./a", "d/a")]
)
def test_parts_that_lead_nowhere_are_left_out(sent: str, plain: str) -> None:
    """A name that stays below /sandbox is taken, by its plain form."""
    assert files_under_sandbox({sent: "text"}) == {plain: "text"}


def test_two_names_of_one_file_are_refused_by_both() -> None:
    """The client could not tell which of the two texts its program would see."""
    assert refusal_of("d/a", "d//a") == 'files: the names "d/a" and "d//a" are the same file'


def test_a_name_has_a_greatest_depth() -> None:
    """A name of the greatest depth is taken; for a deeper one the message names limit and name."""
    deepest = "/".join(["a"] * MOST_PARTS)

    assert files_under_sandbox({deepest: ""}) == {deepest: ""}
    assert refusal_of(f"a/{deepest}") == (
        f'files: the name "a/{deepest}" has {MOST_PARTS + 1} parts, over the limit of {MOST_PARTS}'
    )


def test_there_is_a_greatest_number_of_names() -> None:
    """As many names as the limit allows are taken. For more names the message names the limit."""
    names = [f"{number}" for number in range(MOST_FILES + 1)]
    check_amount(names[1:])

    assert refusal_of(*names) == (
        f"files: {MOST_FILES + 1} names are over the limit of {MOST_FILES}"
    )


def test_names_have_a_greatest_size_together() -> None:
    """All names together may have so many bytes.

    The message names the limit, and the name that went over it.
    """
    names = [f"{number:05}/{'é' * 119}" for number in range(MOST_NAMES_BYTES // 244 + 1)]
    check_amount(names[1:])

    assert refusal_of(*names) == (
        f'files: with the name "{names[-1]}" they are over the limit of 262144 bytes for all names'
    ).replace("é", "\\u00e9")


def test_there_is_a_greatest_number_of_folders() -> None:
    """As many folders as the limit are made.

    The message names the limit, and the name that went over it.
    """
    names = [f"{number}/a/b" for number in range(MOST_FOLDERS // 2 + 1)]
    assert len(files_under_sandbox(dict.fromkeys(names[1:]))) == MOST_FOLDERS // 2

    assert refusal_of(*names) == (
        f'files: with the name "{names[-1]}" they are over the limit of {MOST_FOLDERS} folders'
    )


def test_a_name_of_megabytes_is_repeated_in_part() -> None:
    """The refusal of a name is far smaller than the name."""
    assert len(refusal_of("x" * 200_000)) < 10_000


def test_the_work_grows_with_the_bytes_of_the_names() -> None:
    """Four times as deep takes some four times as long, not sixteen times, past the limits too."""

    def seconds(parts: int) -> float:
        name = "/".join("a" for _ in range(parts))
        began_s = time.process_time()
        with pytest.raises(RequestError):
            files_under_sandbox({f"{name}/{number}": "" for number in range(20)})
        return time.process_time() - began_s

    times = [min(seconds(parts) for _ in range(5)) for parts in (5_000, 20_000)]

    assert all(longer < 10 * shorter + 0.01 for shorter, longer in pairwise(times))


PARTS = st.sampled_from(["a", "b", ".", "..", "", "\0", "x" * 256, "é", "\n", "~", "-", " "])
ODD_NAMES = st.text(max_size=30) | st.lists(PARTS, max_size=6).map("/".join)


@given(st.dictionaries(ODD_NAMES, st.integers(), max_size=8))
def test_any_names(files: dict[str, int]) -> None:
    """Any names are refused with a 400, or become plain names that stay below /sandbox."""
    try:
        plain = files_under_sandbox(files)
    except RequestError as error:
        refused = error
    else:
        assert sorted(plain.values()) == sorted(files.values())
        for name in plain:
            assert posixpath.normpath(f"/sandbox/{name}") == f"/sandbox/{name}"
            assert "\0" not in name
        return
    assert refused.status == 400
