"""The commands, paths and settings that pages name exist."""

import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from itertools import dropwhile
from pathlib import Path

import pytest

from docs.site.hooks import MERMAID, picture_of
from runner.commands.command_line import app
from runner.configuration.variables import PREFIX, UnknownVariableError, check_names
from runner.http import acts, openapi
from runner.settings import Settings
from scripts.picture import kata_of
from tests.documentation.pages import PAGES, ROOT, commands_of, in_sentences

# Words that stand for a number in the pages' commands; all others are taken as they are.
EXAMPLES = {"N": "4"}

_INLINE = re.compile(r"`([^`\n]+)`")
_REDIRECTED = re.compile(r" > .*")
_SETTING = re.compile(PREFIX + r"[A-Z0-9_]*[A-Z0-9]\b(?!\*)")
_URL = re.compile(r"http://127\.0\.0\.1:4597(/[\w./]*)")
_METHOD_AND_PATH = re.compile(r"^(?:GET|POST) (/[\w./]*)")


@cache
def make_targets() -> frozenset[str]:
    """All that `make` knows by name."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def paths() -> frozenset[str]:
    """All that the API document names; the live page; and the acts, which only a token opens."""
    return frozenset({"/", acts.WARM, acts.DRAIN, *openapi.document()["paths"]})


def words_of(command: str) -> list[str]:
    """The words of a command, without variables before it and a file behind it."""
    words = shlex.split(_REDIRECTED.sub("", command))
    return list(dropwhile(lambda word: "=" in word, words))


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_one(name: str) -> None:
    """A command that a reader copies from a page is understood by its program."""
    for command in commands_of((ROOT / name).read_text()):
        match words_of(command):
            case ["make", *rest]:
                assert {word for word in rest if "=" not in word} <= make_targets(), command
            case ["dojo-runner" | ".venv/bin/dojo-runner", *rest]:
                given = [EXAMPLES.get(word, word) for word in rest]
                app.parse_args(given, exit_on_error=False, print_error=False)
            case ["curl", *_]:
                assert set(_URL.findall(command)) & paths(), command


@pytest.mark.parametrize("name", PAGES)
def test_every_command_in_a_sentence_exists(name: str) -> None:
    """A command that a page names in a sentence exists, whether its arguments are there or not."""
    for code in in_sentences(name):
        match code.split():
            case ["make", target, *_]:
                assert target in make_targets() or "=" in target, code
            case ["dojo-runner", command, *_] if command[0].isalpha() and command.islower():
                assert app.parse_commands([command])[0] == (command,), code


@pytest.mark.parametrize("name", PAGES)
def test_every_path_that_a_page_names_is_in_the_api(name: str) -> None:
    """Each path in a daemon's URL, or behind GET or POST, is in the API's document."""
    page = (ROOT / name).read_text()
    named = set(_URL.findall(page))
    for code in _INLINE.findall(page):
        named |= set(_METHOD_AND_PATH.findall(code))

    assert {path for path in named if not path.startswith("/containers/")} <= paths()


@pytest.mark.parametrize("name", PAGES)
def test_every_setting_that_a_page_names_exists(name: str) -> None:
    """Each setting that a page names exists."""
    named = set(_SETTING.findall((ROOT / name).read_text()))
    settings = {f"{PREFIX}{field}".upper() for field in Settings.model_fields}

    try:
        check_names(named, settings)
    except UnknownVariableError as error:
        pytest.fail(str(error))


def test_the_quick_start_has_a_whole_kata() -> None:
    """The quick start's manifest names the files beside it, so the commands of the
    page work as they stand.
    """
    kata = kata_of((ROOT / "docs" / "quickstart.md").read_text())

    assert set(kata) == {"manifest.json", "hiker.py", "test_hiker.py", "cyber-dojo.sh"}


def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    """Each page is in the menu, each link and each heading that it names exists."""
    built = subprocess.run(  # noqa: S603 - the project's own words
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path],
        cwd=ROOT,
        env={"NO_MKDOCS_2_WARNING": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (built.returncode, built.stderr) == (0, "")
    assert (tmp_path / "migrating.html").is_file()


def test_every_diagram_has_its_picture() -> None:
    """A changed diagram was drawn anew, and no picture is left of a diagram that no page has."""
    sources = [source for name in PAGES for source in MERMAID.findall((ROOT / name).read_text())]
    pictures = {path.name: path for path in (ROOT / "docs" / "pictures").glob("diagram_*.svg")}

    assert sources
    assert set(pictures) == {picture_of(source) for source in sources}
    for path in pictures.values():
        assert not re.findall(r"@import|foreignObject|url\([^#]", path.read_text())


def test_the_site_loads_nothing_from_elsewhere() -> None:
    """The site loads nothing from elsewhere."""
    theme = (ROOT / "mkdocs.yml").read_text()

    assert "font: false" in theme
    assert "extra_javascript" not in theme
    assert "url(" not in (ROOT / "docs" / "pictures" / "run.svg").read_text().replace("url(#", "")


def test_the_changelog_has_the_version_of_the_package() -> None:
    """A release that the changelog does not name would tell nobody what changed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
