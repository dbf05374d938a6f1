"""The commands that try and measure all languages, in a copy of the project, on one or two."""

import json
from pathlib import Path

import pytest

from tests.documentation.claims import claimed_by
from tests.documentation.clone import clone
from tests.documentation.shell import replaced, shell

LINES = sorted({command.line for command in claimed_by(__file__)})
[MAKE] = [line for line in LINES if line.startswith("make ")]
[MEASURE] = [line for line in LINES if line != MAKE]

ONE = "busybox-bash"
PAIR = ("python-pytest", "python-pytest-warm")
WITHIN_S = 400.0
PAGE, FOUND = "docs/languages.md", "docs/languages.json"

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(WITHIN_S + 20)]


async def skip_unless_built(folder: Path, *images: str) -> None:
    """Building the images of all languages takes gigabytes, and half an hour."""
    names = " ".join(images)

    said = await shell(f".venv/bin/python images/build.py --due {names}", folder)

    assert said.status == 0, said
    if due := said.stdout.split():
        pytest.skip(f"there is no {', '.join(due)}; run: make images IMAGES=languages")


def rows(folder: Path) -> dict[str, str]:
    """The rows of the page's first table, by the names of the images."""
    lines = (folder / PAGE).read_text().splitlines()
    cells = ((line.split("|"), line) for line in lines if line.startswith("| "))
    return {cell[2].strip(" `"): line for cell, line in cells if "`" in cell[2]}


async def test_one_image_is_tried_and_nothing_is_written(tmp_path: Path) -> None:
    """A command that tries one image runs its tests, and leaves the page of all
    languages as it is.
    """
    folder = clone(tmp_path / "clone")
    await skip_unless_built(folder, "languages", "ruby", "launcher")
    before = [(folder / name).read_bytes() for name in (PAGE, FOUND)]

    said = await shell(f'{MAKE} ARGS="-k {ONE}"', folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert " passed" in said.stdout
    assert "docker run" not in said.stdout  # no way is measured
    assert [(folder / name).read_bytes() for name in (PAGE, FOUND)] == before


async def test_two_images_are_measured_and_the_others_kept(tmp_path: Path) -> None:
    """The page gets new rows for the images that were measured, and keeps all other rows."""
    folder = clone(tmp_path / "clone")
    _, _, more = MEASURE.partition(" --only ")
    names = more.partition(" --")[0]
    await skip_unless_built(folder, *names.split(), "ruby", "launcher")
    before = rows(folder)

    small = replaced(MEASURE, {names: " ".join(PAIR)})
    said = await shell(f"{small} --rounds 1", folder, within_s=WITHIN_S)

    assert said.status == 0, said
    after = rows(folder)
    assert {name for name, row in after.items() if row != before[name]} == set(PAIR)
    assert before.keys() == after.keys()
    kept = {one["name"]: one for one in json.loads((folder / FOUND).read_text())}
    # A run that a busy machine has not answered well has no time.
    assert all(len(kept[name]["took_ms"]["cells"]) <= 1 for name in PAIR)
