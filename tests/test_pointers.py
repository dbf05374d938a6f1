"""Prose that points at a file, a heading or a name of this project points at one that exists."""

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("pool", "runner", "tests", "bench", "images", "scripts")

# Files of others that prose speaks of: a learner's, libmagic's source, and those of a container.
ELSEWHERE = {
    *("bomb.c", "cyber-dojo.sh", "encoding.c", "hiker.h", "hiker.py"),
    "test_hiker.py",
    *(".dojo/main.sh", "home/sandbox/cyber_dojo_fs_cleaners.sh"),
}
# Bytes for fuzzers, which nobody reads.
CORPUS = "tests/launcher/corpus/"

# `a/b`, with or without a suffix; not a part of a URL, an absolute path or a pattern.
_PATH = re.compile(r"(?<![\w./~$*{}<>%@:-])(?:\w[\w.-]*/)+[\w.-]*\w(?![\w/]|[*{<]|-\*)")
_FILE_NAME = re.compile(r"(?<![\w./~$*{}<>-])[\w-]+\.(?:py|md|rb|sh|c|h)(?![\w/(.-]\w)")
_DOTTED_NAME = re.compile(rf"(?<![\w./`-])(?:{'|'.join(PACKAGES)})(?:\.[A-Za-z_]\w*)+(?![\w/(*])")
_LINK = re.compile(r"\]\(([^)#:\s]*)(?:#([\w-]+))?\)")
_FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HASH_COMMENT = re.compile(r"(?:^|\s)#\s(.*)$", re.MULTILINE)
_C_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@cache
def project() -> tuple[str, ...]:
    """Every file of the project, and every folder that holds one."""
    files: list[str] = []
    for folder, folders, names in os.walk(ROOT):
        # What tools leave behind is in folders with a dot, or is bytecode.
        folders[:] = [one for one in folders if one == ".ci" or one[0] not in "._"]
        files += [str((Path(folder) / name).relative_to(ROOT)) for name in sorted(names)]
    parents = {str(parent) for name in files for parent in PurePosixPath(name).parents}
    return (*files, *sorted(parents - {"."}))


@cache
def tops() -> frozenset[str]:
    """The names of the top-level folders."""
    return frozenset(name.split("/")[0] for name in project() if "/" in name)


@cache
def suffixes() -> frozenset[str]:
    """All that may be written for `runner/http/routes.py`: `http/routes.py`, `http/routes`."""
    return frozenset(
        "/".join(parts[start:])
        for name in project()
        for parts in (name.split("/"), name.removesuffix(".py").split("/"))
        for start in range(len(parts))
    )


def prose_of(name: str) -> str:
    """What a file says to its reader: a page whole, of code the comments and docstrings."""
    text = (ROOT / name).read_text()
    match PurePosixPath(name).suffix:
        case ".md":
            return text
        case ".py":
            return "\n".join((*_HASH_COMMENT.findall(text), *_docstrings(text)))
        case ".c" | ".h":
            return "\n".join(_C_COMMENT.findall(text))
        case _:
            return "\n".join(_HASH_COMMENT.findall(text))


def _docstrings(source: str) -> Iterator[str]:
    nodes: list[ast.AST] = [ast.parse(source)]
    for node in nodes:
        # No expression holds a statement, and they are most of a tree.
        nodes += (one for one in ast.iter_child_nodes(node) if not isinstance(one, ast.expr))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def stale_paths(prose: str) -> set[str]:
    """Paths and file names that look like ours and are none.

    A path looks like ours when its first part is the name of one of our top-level folders, or when
    it ends like a source file; what looks like a fraction or a choice (`a/b`) is left alone.
    """
    paths = {
        path
        for path in _PATH.findall(prose)
        if path.split("/")[0] in tops() or _FILE_NAME.fullmatch(path.rpartition("/")[2])
    }
    named = (paths | set(_FILE_NAME.findall(prose))) - ELSEWHERE
    return {path for path in named if path.rstrip(".") not in suffixes()}


def stale_names(prose: str) -> set[str]:
    """Dotted names of our modules, and of what they hold, that are none."""
    return {name for name in _DOTTED_NAME.findall(prose) if not _is_a_name(name)}


def _is_a_name(dotted: str) -> bool:
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        module = "/".join(parts[:length])
        if f"{module}.py" in project():
            return length == len(parts) or parts[length] in _top_level_names(f"{module}.py")
        if module in project():
            init = f"{module}/__init__.py"
            return length == len(parts) or parts[length] in _top_level_names(init)
    return False


@cache
def _top_level_names(module: str) -> frozenset[str]:
    names: set[str] = set()
    for node in ast.parse((ROOT / module).read_text()).body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                names.add(name)
            case ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.ImportFrom(names=aliases):
                names |= {alias.asname or alias.name for alias in aliases}
            case ast.Assign() | ast.AnnAssign():
                names |= {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
    return frozenset(names)


def headings(page: str) -> set[str]:
    """The anchors of a page: its headings in small letters, with dashes for blanks."""
    lines = _FENCED.sub("", page).splitlines()
    titles = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


READ = [
    name
    for name in project()
    if (ROOT / name).is_file()
    and not name.startswith(CORPUS)
    and (PurePosixPath(name).suffix in {".md", ".py", ".c", ".h", ".rb", ".sh", ".toml", ".yaml"}
         or "." not in PurePosixPath(name).name)
    and name != "LICENSE"
]  # fmt: skip
PAGES = [name for name in READ if name.endswith(".md")]


@pytest.mark.parametrize("name", READ)
def test_every_file_and_name_that_prose_mentions_exists(name: str) -> None:
    """A pointer to a file that was moved sends its reader nowhere."""
    prose = prose_of(name)

    assert (stale_paths(prose), stale_names(prose)) == (set(), set())


@pytest.mark.parametrize("name", PAGES)
def test_every_link_of_a_page_leads_somewhere(name: str) -> None:
    """The file of a link exists, and so does the heading that it names."""
    page = (ROOT / name).read_text()

    for path, anchor in _LINK.findall(page):
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), path
        assert not anchor or anchor in headings(target.read_text()), f"{path}#{anchor}"


@pytest.mark.parametrize(
    "wrong",
    ["see pool/workings.py", "`http/router.py`", "docs/none.md", "images/nothing", "as sizings.py"],
)
def test_a_stale_path_is_seen(wrong: str) -> None:
    """The rule would hold for every text if no path were ever found."""
    assert len(stale_paths(wrong)) == 1


@pytest.mark.parametrize("wrong", ["pool.engine.None_", "See runner.nothing.", "tests.conftest.x"])
def test_a_stale_name_is_seen(wrong: str) -> None:
    """The rule for names would hold for every text, too, if no name were ever found."""
    assert len(stale_names(wrong)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "pool/sizing.py and http/routes.py, `runner/http/`, pool/.",
        "/tmp/none.sh, ./none.sh, https://host/none.py, tests/none*.py, and/or, 1/2",
        "pool.engine.ContainerEngine, pool.Pools.lease, runner.http.routes",
    ],
)
def test_what_exists_or_is_not_ours_is_left_alone(text: str) -> None:
    """Absolute paths are a container's, and a slash may stand for a choice."""
    assert (stale_paths(text), stale_names(text)) == (set(), set())
