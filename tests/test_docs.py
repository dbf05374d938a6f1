"""The commands, paths and settings that pages name exist."""

import re
import shlex
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

from docs.site.hooks import MERMAID, picture_of
from runner.commands.command_line import app
from runner.configuration.variables import PREFIX, UnknownVariableError, check_names
from runner.http import acts, openapi
from runner.settings import Settings
from scripts.picture import kata_of

ROOT = Path(__file__).parents[1]
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (*ROOT.glob("docs/*.md"), *map(ROOT.joinpath, ("README.md", "CONTRIBUTING.md")))
)

# Commands of the pages that no test runs or parses, and why.
_NOT_RUN = {
    "cp": "it changes the host",
    "apparmor_parser": "it changes the host, and needs a kernel with AppArmor",
    "systemctl": "it changes the host, and needs systemd as process 1",
    "docker": "it needs an engine of its own; tests/deploy runs the same files on one",
    "openssl": "its output goes to the command after it, which needs Swarm or a cluster",
    "kubectl": "it needs a cluster; tests/deploy checks the files",
    "tr": "it is in the middle of the pipe of openssl",
    "export": "it prepares the command after it",
    "python3": "it installs into the host, or is what a learner's container runs",
    ".venv/bin/python": "the benchmark takes minutes; tests/bench has tests of its parts",
    ".venv/bin/pytest": "it is what runs this",
    ".venv/bin/ruff": "make check runs it",
    ".venv/bin/pre-commit": "it changes the clone's hooks",
}
PARSED = {"dojo-runner", ".venv/bin/dojo-runner", "make", "curl"}
# Words that stand for a number in the pages' commands; all others are taken as they are.
EXAMPLES = {"N": "4"}

_FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^|\n)\n((?:    \S.*\n?)(?:    .*\n?)*)")
_COMMENT = re.compile(r"\s+# .*$", re.MULTILINE)
_VARIABLE = re.compile(r"^ *(?:[A-Z_]+=\S+ )+", re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_SETTING = re.compile(PREFIX + r"[A-Z0-9_]*[A-Z0-9]\b(?!\*)")
_URL = re.compile(r"http://127\.0\.0\.1:4597(/[\w./]*)")
_METHOD_AND_PATH = re.compile(r"^(?:GET|POST) (/[\w./]*)")


def blocks_of(page: str) -> list[str]:
    """What may be given to a shell: fenced as sh, or indented."""
    fenced = [block for language, block in _FENCE.findall(page) if language == "sh"]
    return fenced + _INDENTED.findall(_FENCE.sub("", page))


def commands_of(page: str) -> list[list[str]]:
    """The words of each command, also of one in a pipe, without variables and comments.

    A block is read only if its first word is a known command: the others are output.
    """
    found = []
    for block in (_VARIABLE.sub("", block) for block in blocks_of(page)):
        if block.split()[0] not in PARSED | set(_NOT_RUN):
            continue
        lexer = shlex.shlex(
            _COMMENT.sub("", block).replace("\\\n", " "), posix=True, punctuation_chars="|>\n"
        )
        lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
        words: list[str] = []
        for word in (*lexer, "\n"):
            if word.strip("|>\n"):
                words.append(word)
            else:
                found += [words] if words and not _is_a_file(words) else []
                words = [] if word != ">" else [word]
    return found


def _is_a_file(words: list[str]) -> bool:
    return words[0] == ">"


@cache
def make_targets() -> frozenset[str]:
    """All that `make` knows by name."""
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def paths() -> frozenset[str]:
    """All that the API document names; the live page; and the acts, which only a token opens."""
    return frozenset({"/", acts.WARM, acts.DRAIN, *openapi.document()["paths"]})


@pytest.mark.parametrize("name", PAGES)
def test_every_command_of_a_page_is_one(name: str) -> None:
    """A copied command gives no usage error; what is not tried is listed with its reason."""
    for words in commands_of((ROOT / name).read_text()):
        match words:
            case ["make", *rest]:
                assert {word for word in rest if "=" not in word} <= make_targets(), words
            case ["dojo-runner" | ".venv/bin/dojo-runner", *rest]:
                given = [EXAMPLES.get(word, word) for word in rest]
                app.parse_args(given, exit_on_error=False, print_error=False)
            case ["curl", *_]:
                assert set(_URL.findall(" ".join(words))) & paths(), words
            case [first, *_]:
                assert first in _NOT_RUN, words


@pytest.mark.parametrize("name", PAGES)
def test_every_command_in_a_sentence_exists(name: str) -> None:
    """The sentence may leave out arguments, so only the command itself is held to what there is."""
    for code in _INLINE.findall(_FENCE.sub("", (ROOT / name).read_text())):
        match code.split():
            case ["make", target, *_]:
                assert target in make_targets() or "=" in target, code
            case ["dojo-runner", command, *_] if command[0].isalpha() and command.islower():
                assert app.parse_commands([command])[0] == (command,), code


@pytest.mark.parametrize("name", PAGES)
def test_every_path_that_a_page_names_is_in_the_api(name: str) -> None:
    """Of URLs of the daemon, and of `GET /path`."""
    page = (ROOT / name).read_text()
    named = set(_URL.findall(page))
    for code in _INLINE.findall(page):
        named |= set(_METHOD_AND_PATH.findall(code))

    assert {path for path in named if not path.startswith("/containers/")} <= paths()


@pytest.mark.parametrize("name", PAGES)
def test_every_setting_that_a_page_names_exists(name: str) -> None:
    """A misspelt one would keep the reader's daemon from starting."""
    named = set(_SETTING.findall((ROOT / name).read_text()))
    settings = {f"{PREFIX}{field}".upper() for field in Settings.model_fields}

    try:
        check_names(named, settings)
    except UnknownVariableError as error:
        pytest.fail(str(error))


def test_the_quick_start_has_a_whole_kata() -> None:
    """Its manifest names the files beside it, so that the commands below it work as they stand."""
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
    """Whoever reads the documentation tells nobody else of it."""
    theme = (ROOT / "mkdocs.yml").read_text()

    assert "font: false" in theme
    assert "extra_javascript" not in theme
    assert "url(" not in (ROOT / "docs" / "pictures" / "run.svg").read_text().replace("url(#", "")


@pytest.mark.parametrize(
    "page",
    ["\n\n    make nothing-of-that-kind\n", "\n\n    dojo-runner run my-kata --wach\n"],
)
def test_a_wrong_command_is_seen(page: str) -> None:
    """The rule would hold for every page if no command were ever found."""
    (words,) = commands_of(page)

    assert words[0] in PARSED
    assert len(words) > 1


def test_the_changelog_has_the_version_of_the_package() -> None:
    """A release that the changelog does not name would tell nobody what changed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()
