"""The rules of a start point's manifest: each fault is a line that names the field."""

from typing import Any

import pytest

from runner.authors.manifest import faults_of, patterns_of

GOOD: dict[str, Any] = {
    "display_name": "Python, pytest",
    "image_name": "cyberdojofoundation/python_pytest:1a2b3c4",
    "visible_filenames": ["hiker.py", "cyber-dojo.sh"],
    "filename_extension": [".py"],
}


def faults(**changes: Any) -> list[str]:
    """The faults of the good manifest with these changes; a None leaves a field out."""
    fields = {**GOOD, **changes}
    manifest = {name: value for name, value in fields.items() if value is not None}
    there = ("hiker.py", "cyber-dojo.sh", "readme.txt", "rag.rb")
    return faults_of(manifest, lambda name: "" if name in there else f"{name}: is not there")


def test_a_good_one_has_no_faults() -> None:
    """The four required fields are enough, and the optional ones are allowed."""
    assert faults() == []
    assert (
        faults(
            filename_extension=".py",
            hidden_filenames=["coverage.*"],
            highlight_filenames=["hiker.py"],
            progress_regexs=["FAILED", "passed"],
            max_seconds=20,
            tab_size=4,
            rag_lambda="rag.rb",
        )
        == []
    )


@pytest.mark.parametrize("key", sorted(GOOD))
def test_a_required_field_that_is_missing(key: str) -> None:
    """A manifest that lacks one of the four required fields has a fault that names the field."""
    assert faults(**{key: None}) == [f"{key}: is missing"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"colour": "red"}, "is no field"),
        ({"display_name": " "}, "not empty"),
        ({"display_name": 1}, "not empty"),
        ({"image_name": "UPPER:"}, "no name of an image"),
        ({"image_name": ["x"]}, "must be a text"),
        ({"visible_filenames": ["hiker.py"]}, "must have cyber-dojo.sh"),
        ({"visible_filenames": []}, "not empty"),
        ({"visible_filenames": "cyber-dojo.sh"}, "must be a list of texts"),
        ({"visible_filenames": ["cyber-dojo.sh", "gone"]}, "gone: is not there"),
        ({"visible_filenames": ["cyber-dojo.sh", "hiker.py", "hiker.py"]}, "there twice"),
        ({"highlight_filenames": ["readme.txt"]}, "not among visible_filenames"),
        ({"filename_extension": ["py"]}, "begin with a dot"),
        ({"filename_extension": "."}, "begin with a dot"),
        ({"filename_extension": []}, "not empty"),
        ({"filename_extension": 7}, "must be a text"),
        ({"hidden_filenames": "x"}, "list of texts"),
        ({"hidden_filenames": [1]}, "list of texts"),
        ({"progress_regexs": ["one"]}, "just 2 texts"),
        ({"progress_regexs": ["one", "two", "three"]}, "just 2 texts"),
        ({"progress_regexs": ["one", 2]}, "just 2 texts"),
        *(({"tab_size": value}, "from 1 to 8") for value in (0, 9, "4", 4.0, True)),
        *(({"max_seconds": value}, "from 1 to 20") for value in (0, 21, "10", False)),
        ({"rag_lambda": ""}, "must be Ruby"),
        ({"rag_lambda": "gone.rb"}, "gone.rb: is not there"),
    ],
)
def test_a_wrong_field_is_named(changes: dict[str, Any], words: str) -> None:
    """There is just one line, which begins with the field and says what is wrong."""
    (key,) = changes

    (fault,) = faults(**changes)

    assert fault.startswith(f"{key}: ")
    assert words in fault


def test_a_name_that_leaves_the_folder() -> None:
    """No name of a file may lead out of the folder; each that does has one line."""
    found = faults(
        visible_filenames=["cyber-dojo.sh", "../x", "/etc/passwd"], rag_lambda="a/../../rag.rb"
    )

    assert found == [
        "visible_filenames: '../x' is no name of a file below the manifest's folder",
        "visible_filenames: '/etc/passwd' is no name of a file below the manifest's folder",
        "rag_lambda: 'a/../../rag.rb' is no name of a file below the manifest's folder",
    ]


class Name(str):
    """A name that counts how often it is compared."""

    comparisons = 0
    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        Name.comparisons += 1
        return super().__eq__(other)


@pytest.mark.parametrize("key", ["visible_filenames", "highlight_filenames"])
def test_many_names_are_not_compared_each_with_each(key: str) -> None:
    """A manifest of ten times as many names takes ten times as long, and not a hundred times."""
    names = [Name(f"file{number}") for number in range(500)]
    Name.comparisons = 0

    assert len(faults(**{"visible_filenames": names, key: names[:]})) > len(names)
    assert Name.comparisons < 10 * len(names)


def test_every_fault_is_told_at_once() -> None:
    """An author need not check again after each mend."""
    assert len(faults(image_name=None, display_name="", tab_size=99, colour=1)) == 4


def test_patterns_are_found_by_their_place() -> None:
    """Each regular expression is named by its field and number; malformed fields have none."""
    assert patterns_of({"hidden_filenames": ["a", "b"], "progress_regexs": ["c", "d"]}) == {
        "hidden_filenames.0": "a",
        "hidden_filenames.1": "b",
        "progress_regexs.0": "c",
        "progress_regexs.1": "d",
    }
    assert patterns_of({"hidden_filenames": "x", "progress_regexs": [1, "y"]}) == {}
