"""A folder as a kata: what is read of it, and what its author is told that is missing."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runner.authors.files import StartPointError
from runner.authors.options import in_colour, read_replacements
from runner.authors.start_point import read_start_point
from tests.runner.authors.folders import IMAGE, write, write_start_point
from tests.serving import STATUS_LAMBDA


def test_a_manifest_says_what_is_sent(tmp_path: Path) -> None:
    """The visible files, the image, the patterns and the lambda come from the manifest."""
    write_start_point(tmp_path, {"not-visible.txt": "x"}, hidden_filenames=["tmp.*"], max_seconds=7)

    found = read_start_point(tmp_path)

    assert (found.image_name, found.max_seconds) == (IMAGE, 7)
    assert set(found.files) == {"hiker.txt", "cyber-dojo.sh"}
    assert found.hidden_filenames == ("tmp.*",)
    assert found.rag_lambda == STATUS_LAMBDA
    assert found.notes == ()


def test_without_max_seconds_it_is_ten(tmp_path: Path) -> None:
    """A manifest need not say how long a run may take."""
    assert read_start_point(write_start_point(tmp_path)).max_seconds == 10


@pytest.mark.parametrize("where", ["folder", "manifest", "repository"])
def test_where_a_start_point_is_found(tmp_path: Path, where: str) -> None:
    """A folder, the manifest itself, or the root of a repository that has start_point/ in it."""
    folder = write_start_point(tmp_path / "start_point")
    paths = {"folder": folder, "manifest": folder / "manifest.json", "repository": tmp_path}

    assert read_start_point(paths[where]).folder == folder


def test_the_arguments_go_first(tmp_path: Path) -> None:
    """The arguments of the command line go before the manifest."""
    found = read_start_point(write_start_point(tmp_path), image_name="other:2", max_seconds=3.5)

    assert (found.image_name, found.max_seconds) == ("other:2", 3.5)


@pytest.mark.parametrize("ruby", ["->(o,e,s) { :red }", "lambda do |o, e, s| :red end"])
def test_a_lambda_is_ruby(tmp_path: Path, ruby: str) -> None:
    """A manifest may hold the Ruby itself."""
    assert read_start_point(write_start_point(tmp_path, rag_lambda=ruby)).rag_lambda == ruby


def test_a_lambda_is_the_name_of_a_file(tmp_path: Path) -> None:
    """A manifest may name the file that holds the Ruby."""
    write_start_point(tmp_path, {"rag/colour.rb": "lambda {}"}, rag_lambda="rag/colour.rb")

    assert read_start_point(tmp_path).rag_lambda == "lambda {}"


def test_a_plain_folder_is_told_what_it_lacks(tmp_path: Path) -> None:
    """All its texts are sent but hidden ones, and each thing that is missing is a line."""
    write(tmp_path, {"cyber-dojo.sh": "true", "a/b.txt": "x", ".git/config": "y"})
    (tmp_path / "picture").write_bytes(b"\xff\xfe\xff")

    found = read_start_point(tmp_path, image_name=IMAGE)

    assert set(found.files) == {"cyber-dojo.sh", "a/b.txt"}
    assert [note.partition(":")[0] for note in found.notes] == [
        "no manifest.json",
        "no red_amber_green.rb",
    ]


def test_a_plain_folder_may_have_a_lambda(tmp_path: Path) -> None:
    """A plain folder's red_amber_green.rb decides the colour, and is not sent as a file."""
    write(tmp_path, {"cyber-dojo.sh": "true", "red_amber_green.rb": "lambda {}"})

    found = read_start_point(tmp_path, image_name=IMAGE)

    assert (set(found.files), found.rag_lambda) == ({"cyber-dojo.sh"}, "lambda {}")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_name": None}, "image_name is missing; add it, or give --image"),
        ({"image_name": 7}, "image_name"),
        ({"visible_filenames": ["hiker.txt"]}, "visible_filenames lacks cyber-dojo.sh"),
        ({"visible_filenames": ["cyber-dojo.sh", "gone"]}, "gone: there is no such file"),
        ({"visible_filenames": "cyber-dojo.sh"}, "visible_filenames must be a list of texts"),
        ({"visible_filenames": None}, "visible_filenames must be a list of texts"),
        ({"hidden_filenames": [1]}, "hidden_filenames must be a list of texts"),
        *(
            ({"max_seconds": value}, "max_seconds must be a number above 0")
            for value in ("soon", True, 0, -1, 10**400, float("inf"), float("nan"))
        ),
        ({"visible_filenames": ["cyber-dojo.sh", "a\0b"]}, "cannot be the name of a file"),
        ({"visible_filenames": ["cyber-dojo.sh", "\ud800"]}, "cannot be the name of a file"),
        ({"visible_filenames": ["cyber-dojo.sh", "a" * 300]}, "a: File name too long"),
        ({"visible_filenames": ["cyber-dojo.sh", "."]}, "is a folder"),
        ({"rag_lambda": "gone.rb"}, "gone.rb: there is no such file"),
        ({"rag_lambda": ["x"]}, "rag_lambda must be a text"),
    ],
)
def test_a_wrong_manifest_is_told_as_that(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    """One line names the field of a manifest that is wrong."""
    with pytest.raises(StartPointError, match=words):
        read_start_point(write_start_point(tmp_path, **changes))


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '"x"', "\x00", "[" * 100_000, f'{{"max_seconds": {"9" * 5000}}}']
)
def test_a_manifest_that_is_no_object(tmp_path: Path, text: str) -> None:
    """A manifest that is no JSON object is an error with the file's name."""
    write(tmp_path, {"manifest.json": text})

    with pytest.raises(StartPointError, match=r"manifest\.json"):
        read_start_point(tmp_path)


@pytest.mark.parametrize("name", ["manifest.json", "options.json"])
@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda path: path.symlink_to(path)])
def test_what_is_no_file_is_not_read(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    """A folder, a pipe without a writer, a link to itself: each is told, none is waited for."""
    write_start_point(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    make(tmp_path / name)

    with pytest.raises(StartPointError, match=re.escape(name)):
        read_replacements(read_start_point(tmp_path))


@pytest.mark.parametrize("name", ["gone", "a" * 5000, "a\0b"])
def test_a_path_that_cannot_be(name: str) -> None:
    """Whatever an author types, the answer is in words."""
    with pytest.raises(StartPointError, match=r"File name too long|no such|cannot be"):
        read_start_point(Path(name))


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    """A file that is too large is not read into memory."""
    write_start_point(tmp_path)
    os.truncate(tmp_path / "hiker.txt", 2**40)

    with pytest.raises(StartPointError, match=r"hiker\.txt: is too large for a kata"):
        read_start_point(tmp_path)


@pytest.mark.parametrize(
    ("files", "words"),
    [({}, "has no cyber-dojo.sh"), ({f"{n}.txt": "" for n in range(600)}, "is too large")],
)
def test_a_folder_that_is_no_kata(tmp_path: Path, files: dict[str, str], words: str) -> None:
    """A folder without a script, or with more files than a kata has, is refused in words."""
    write(tmp_path, files)

    with pytest.raises(StartPointError, match=words):
        read_start_point(tmp_path, image_name=IMAGE)


def test_a_folder_needs_an_image(tmp_path: Path) -> None:
    """Without a manifest the author has to name the image."""
    with pytest.raises(StartPointError, match="--image"):
        read_start_point(tmp_path)


def test_the_usual_replacements(tmp_path: Path) -> None:
    """Without options.json 6 * 9 becomes 6 * 9sd for amber and 6 * 7 for green."""
    start_point = read_start_point(write_start_point(tmp_path))
    replacements = read_replacements(start_point)

    texts = {
        colour: in_colour(colour, start_point, replacements).files["hiker.txt"]
        for colour in ("red", "amber", "green")
    }
    assert texts == {"red": "6 * 9\n", "amber": "6 * 9sd\n", "green": "6 * 7\n"}


def test_options_go_before_the_usual(tmp_path: Path) -> None:
    """What options.json says of a colour holds for that colour, and the usual for the others."""
    options = '{"green": {"filename": "hiker.txt", "from": "6 * 9", "to": "2 * 21"}}'
    start_point = read_start_point(write_start_point(tmp_path, {"options.json": options}))
    replacements = read_replacements(start_point)

    assert in_colour("green", start_point, replacements).files["hiker.txt"] == "2 * 21\n"
    assert in_colour("amber", start_point, replacements).files["hiker.txt"] == "6 * 9sd\n"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('{"blue": {}}', "'blue' is none of red, amber, green"),
        ('{"green": {"filename": "x", "from": "y"}}', "green must have just filename, from, to"),
        ('{"green": {"filename": "x", "from": "y", "to": 1}}', "green.to must be a text"),
        ('{"green": 7}', "green must have just"),
        ("[]", "is not a JSON object"),
    ],
)
def test_wrong_options_are_told_as_that(tmp_path: Path, options: str, words: str) -> None:
    """One line names what is wrong in options.json."""
    start_point = read_start_point(write_start_point(tmp_path, {"options.json": options}))

    with pytest.raises(StartPointError, match=words):
        read_replacements(start_point)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ('{"green": {"filename": "gone", "from": "6", "to": "7"}}', "gone is not among"),
        ('{"green": {"filename": "hiker.txt", "from": "7 * 7", "to": "7"}}', "does not contain"),
    ],
)
def test_a_replacement_that_replaces_nothing(tmp_path: Path, options: str, words: str) -> None:
    """A replacement whose file or text is not there is an error, not the same start point again."""
    start_point = read_start_point(write_start_point(tmp_path, {"options.json": options}))

    with pytest.raises(StartPointError, match=words):
        in_colour("green", start_point, read_replacements(start_point))
