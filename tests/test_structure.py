"""How large the parts may become, and what stands in one place alone."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted((*ROOT.glob("pool/**/*.py"), *ROOT.glob("runner/**/*.py")))

SUFFIXES = {".py", ".rb", ".js", ".css", ".sh"}
MOST_LINES_OF_A_MODULE = 350
MOST_LINES_OF_A_CLASS = 250
LONGER = {
    "runner/colour/traffic_light.rb": "Ruby gets it as one text, in the command of a container that"
    " has no file of ours",
    "runner/http/live_files/page.css": "a style sheet has no logic, and one file is one request",
}
LARGER_CLASSES: dict[str, str] = {}

MAKERS = {"create_task", "ensure_future"}
MAKE_TASKS = {
    "pool/tasks.py": "the owner of background tasks, by which all others begin them",
}

KNOW_STATUSES = {
    "pool/docker_client.py": "a client of the engine, whose API is HTTP",
    "pool/docker_steps.py": "a client of the engine, whose API is HTTP",
    "pool/docker_images.py": "a client of the engine, whose API is HTTP",
    "pool/errors.py": "an engine's error carries the status of its answer",
    "runner/client.py": "a client of our own API, with the names of runner/http/statuses.py",
}
# Help for operators, who find these numbers in the log of a proxy and in the metrics, where no
# word stands beside them. They are words alone: the code there knows no status.
TELL_STATUSES = {"runner/configuration/images.py", "runner/configuration/requests.py"}
_ERRORS = {int(status) for status in HTTPStatus if status >= HTTPStatus.BAD_REQUEST}
_IN_WORDS = re.compile(r"\b(?:answered with|HTTP|status) [45]\d\d\b")


def name_of(path: Path) -> str:
    """A path as it is written in the lists."""
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text())


def lines_that_make_tasks(tree: ast.Module) -> Iterator[int]:
    """The lines that make a task, but for those of a TaskGroup, which waits for its tasks."""
    groups = {
        item.optional_vars.id
        for node in ast.walk(tree)
        if isinstance(node, ast.AsyncWith)
        for item in node.items
        if isinstance(item.optional_vars, ast.Name)
        and "TaskGroup" in ast.unparse(item.context_expr)
    }
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=attr, value=ast.Name(id)) if attr in MAKERS and id in groups:
                pass
            case ast.Attribute(attr=attr) if attr in MAKERS:
                yield node.lineno
            case ast.ImportFrom(names=names) if MAKERS & {alias.name for alias in names}:
                yield node.lineno


def lines_with_statuses(tree: ast.Module) -> Iterator[int]:
    """The lines of code that know an HTTP status: by HTTPStatus, or as the number of an error."""
    named = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def is_error(node: ast.AST) -> bool:
        node = named.get(node.id, node) if isinstance(node, ast.Name) else node
        numbers = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant)]
        return any(type(number) is int and number in _ERRORS for number in numbers)

    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="http") | ast.Import(names=[ast.alias(name="http")]):
                yield node.lineno
            case ast.ImportFrom(module="runner.http.statuses"):
                yield node.lineno
            case ast.Compare(left=left, comparators=others):
                sides = [left, *others]
                if any("status" in ast.unparse(one) for one in sides) and any(map(is_error, sides)):
                    yield node.lineno
            case ast.keyword(arg=str(arg), value=value) if "status" in arg and is_error(value):
                yield value.lineno


def tells_statuses(tree: ast.Module) -> bool:
    """Whether a text in a module names a status by its number."""
    texts = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return any(isinstance(text, str) and _IN_WORDS.search(text) for text in texts)


def test_no_file_is_longer_than_one_can_read() -> None:
    """A module, a script or a file of tests has 350 lines at most; LONGER says why one has more."""
    files = (path for room in ("pool", "runner", "tests") for path in (ROOT / room).rglob("*"))
    lengths = {
        name_of(path): len(path.read_text().splitlines())
        for path in files
        if path.suffix in SUFFIXES and not path.name.endswith(".min.js")
    }

    assert len(lengths) > 300
    assert {name for name, lines in lengths.items() if lines > MOST_LINES_OF_A_MODULE} == set(
        LONGER
    )


def test_no_class_is_larger_than_one_can_read() -> None:
    """A class has 250 lines at most; LARGER_CLASSES says why one has more."""
    lengths = {
        f"{name_of(path)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for path in (*SOURCES, *ROOT.glob("tests/**/*.py"))
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.ClassDef)
    }

    assert len(lengths) > 100
    larger = {name for name, lines in lengths.items() if lines > MOST_LINES_OF_A_CLASS}
    assert larger == set(LARGER_CLASSES)


def test_every_task_has_an_owner() -> None:
    """Tasks are made by their owner (pool/tasks.py) or in a group that waits for them.

    A task that nobody owns may fail without a word, and outlive what has begun it.
    """
    makers = {name_of(path) for path in SOURCES if any(lines_that_make_tasks(tree_of(path)))}

    assert makers == set(MAKE_TASKS)


def test_http_statuses_stay_at_the_door() -> None:
    """Only `runner/http` knows the statuses of our API, and only its clients beside it.

    All other rooms raise errors, which runner/http/errors.py gives a status.
    """
    trees = {name_of(path): tree_of(path) for path in SOURCES}
    rooms = {name: tree for name, tree in trees.items() if not name.startswith("runner/http/")}

    assert {name for name, tree in rooms.items() if any(lines_with_statuses(tree))} == set(
        KNOW_STATUSES
    )
    assert {name for name, tree in rooms.items() if tells_statuses(tree)} == TELL_STATUSES


@pytest.mark.parametrize(
    "line",
    [
        "from http import HTTPStatus",
        "if error.status == 404: pass",
        "if 500 <= answer.status < 600: pass",
        "if status in (404, 409): pass",
        "Refused(message, status=503)",
        "GONE = (404, 409)\nif error.status in GONE: pass",
    ],
)
def test_a_status_is_found_however_it_is_written(line: str) -> None:
    """The rule sees names, numbers, tuples of numbers, and constants of the module."""
    assert any(lines_with_statuses(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "import asyncio\nasyncio.create_task(one())",
        "import asyncio\nasyncio.get_running_loop().create_task(one())",
        "from asyncio import ensure_future",
        "import asyncio\nmake = asyncio.ensure_future",
    ],
)
def test_a_task_is_found_however_it_is_made(line: str) -> None:
    """The rule sees functions of asyncio, methods of the loop, and what is handed on."""
    assert any(lines_that_make_tasks(ast.parse(line)))
