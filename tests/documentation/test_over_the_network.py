"""The commands that fetch programs from npm or from an index of Python packages.

Where the registry that a command asks does not answer, its test is skipped, and says what npm or
pip said.
"""

from pathlib import Path

import pytest

from tests.documentation.clone import clone
from tests.documentation.pages import PAGES, in_sentences
from tests.documentation.shell import shell

NPM = "npm view typescript version"
INDEX = ".venv/bin/python -m pip --disable-pip-version-check download --no-deps --dest wheels uv"
ASK_WITHIN_S = 60.0
WITHIN_S = 300.0

CHECK_PAGE, DIAGRAMS, LOCK = "make check-page", "make diagrams", "make lock"
SENTENCES = {code for page in PAGES for code in in_sentences(page)}

pytestmark = [pytest.mark.long, pytest.mark.timeout(WITHIN_S + ASK_WITHIN_S + 20)]


async def skip_unless_answered(asks: str, folder: Path) -> None:
    """Skip the test, with what the program has said, where it cannot fetch anything."""
    try:
        said = await shell(asks, folder, within_s=ASK_WITHIN_S)
    except TimeoutError:
        pytest.skip(f"no answer within {ASK_WITHIN_S:.0f} s: {asks}")
    if said.status:
        pytest.skip(f"{asks}: {said.stderr.strip()[-300:]}")


def test_the_pages_name_them() -> None:
    """The pages still name each command that is tested here."""
    assert {CHECK_PAGE, DIAGRAMS, LOCK} <= SENTENCES


async def test_the_types_of_the_page_s_scripts_are_checked(tmp_path: Path) -> None:
    """The compiler that npm brings finds no fault in the page's scripts, and finds a
    wrong type that is put in.
    """
    folder = clone(tmp_path / "clone")
    await skip_unless_answered(NPM, folder)
    script = folder / "runner" / "http" / "live_files" / "page.js"

    said = await shell(CHECK_PAGE, folder, within_s=WITHIN_S)
    script.write_text(f"{script.read_text()}\n/** @type {{number}} */\nexport const one = 'one';\n")
    wrong = await shell(CHECK_PAGE, folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert wrong.status != 0
    assert "is not assignable to type 'number'" in wrong.stdout


@pytest.mark.tools
async def test_a_diagram_is_drawn_again(tmp_path: Path) -> None:
    """A diagram without a picture is drawn by the script that npm brings, and the
    others are left alone.
    """
    folder = clone(tmp_path / "clone")
    await skip_unless_answered(NPM, folder)
    pictures = {path: path.read_bytes() for path in folder.glob("docs/pictures/diagram_*.svg")}
    missing, *_ = sorted(pictures)
    missing.unlink()

    said = await shell(DIAGRAMS, folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert f"{len(pictures)} diagrams, 1 of them drawn" in said.stdout
    assert missing.read_text().startswith("<svg")
    assert all(path.read_bytes() == was for path, was in pictures.items() if path != missing)


async def test_packages_are_locked_anew(tmp_path: Path) -> None:
    """Each lock is written of what the index has today, and names what the project asks for."""
    folder = clone(tmp_path / "clone")
    await skip_unless_answered(INDEX, folder)
    locks = [*folder.glob("*.lock"), *folder.glob("deploy/image/*.lock")]
    headings = {path: path.read_text().splitlines()[0] for path in locks}
    for path in locks:
        path.write_text("")

    said = await shell(LOCK, folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert {path: path.read_text().splitlines()[0] for path in locks} == headings
    assert "aiodocker==" in (folder / "deploy" / "image" / "service.lock").read_text()
    assert "pytest==" in (folder / "requirements.lock").read_text()
