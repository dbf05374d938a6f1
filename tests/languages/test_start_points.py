"""Every language's start point is complete, without any engine."""

import json
from functools import partial

import pytest

from runner.authors.files import trouble_with
from runner.authors.manifest import faults_of
from runner.authors.options import COLOURS, in_colour, read_replacements
from runner.authors.start_point import read_start_point
from tests.languages.folders import START_POINTS

each = pytest.mark.parametrize("name", START_POINTS)


@each
def test_a_manifest_is_as_authors_write_them(name: str) -> None:
    """A start point's manifest has no fault, and names the image whose folder it is in."""
    folder = START_POINTS[name]
    manifest = json.loads((folder / "manifest.json").read_text())

    assert not faults_of(manifest, partial(trouble_with, folder))
    assert manifest["image_name"] == f"dojo-runner/{name}:latest"


@each
def test_a_start_point_can_be_had_in_three_colours(name: str) -> None:
    """The replacements that make a start point amber and green replace a text that is there."""
    start_point = read_start_point(START_POINTS[name])
    replacements = read_replacements(start_point)

    files = [in_colour(colour, start_point, replacements).files for colour in COLOURS]

    assert all(one != other for one, other in zip(files, [*files[1:], files[0]], strict=True))


@each
def test_an_image_brings_its_user_and_its_lambda(name: str) -> None:
    """A language's Dockerfile makes the sandbox user. It or the start point has the lambda."""
    dockerfile = (START_POINTS[name].parent / "Dockerfile").read_text()

    assert "41966" in dockerfile or "shared/scratch-root.sh" in dockerfile
    assert "red_amber_green.rb" in dockerfile or "shared/scratch-root.sh" in dockerfile


@pytest.mark.parametrize("name", [name for name in START_POINTS if name.endswith("-warm")])
def test_a_warm_up_changes_no_file_of_a_start_point(name: str) -> None:
    """An image with a warm-up has the files of its twin's start point, so what it
    saves can be measured.
    """
    warm = read_start_point(START_POINTS[name])

    assert warm.files == read_start_point(START_POINTS[name.removesuffix("-warm")]).files


def test_two_start_points_are_shown_by_different_names() -> None:
    """No two start points have the same display name."""
    names = [
        json.loads((folder / "manifest.json").read_text())["display_name"]
        for folder in START_POINTS.values()
    ]

    assert len(set(names)) == len(names)
