"""python -m tests.promises: writes the promises that tests make into the documents.

A test with a hostile client or program, or with a broken engine, states in its docstring what is
promised. The tables of docs/security.md and docs/reliability.md are these docstrings.
"""

import ast
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard

ROOT = Path(__file__).parents[1]
BEGIN = "<!-- The promises of tests; `make promises` writes them. -->\n"
END = "<!-- The end of the promises. -->\n"

SECURITY, RELIABILITY = "docs/security.md", "docs/reliability.md"
# What a hostile program may do is a matter of security; all else is one of reliability.
_OF_RELIABILITY = ("test_requests.py", "test_stalled_answers.py", "test_stalls.py")
_OF_HELPERS = ("test_alive.py",)


@dataclass(frozen=True)
class Promise:
    """What a test of some trouble promises."""

    trouble: str
    words: str


@dataclass(frozen=True)
class Chapter:
    """The promises of one file of tests; `title` is its own."""

    title: str
    promises: Sequence[Promise]


def chapters_of(page: str) -> list[Chapter]:
    """The chapters that belong into this document."""
    adversary = sorted((ROOT / "tests/adversary").glob("test_*.py"))
    faults = sorted((ROOT / "tests/faults").glob("test_*.py"))
    of_reliability = [path for path in adversary if path.name in _OF_RELIABILITY]
    of_security = [path for path in adversary if path not in of_reliability]
    paths = of_security if page == SECURITY else [*of_reliability, *faults]
    found = [chapter_in(path.read_text()) for path in paths if path.name not in _OF_HELPERS]
    return [chapter for chapter in found if chapter.promises]


def chapter_in(source: str) -> Chapter:
    """The promises of a file of tests. Raises ValueError for a test that makes none."""
    module = ast.parse(source)
    return Chapter(_one_line(ast.get_docstring(module)), list(_promises_in(module.body)))


def _promises_in(body: Sequence[ast.stmt]) -> Iterator[Promise]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            yield from _promises_in(statement.body)
        elif _is_test(statement):
            words = _one_line(ast.get_docstring(statement))
            if not words:
                raise ValueError(f"{statement.name} has no docstring")
            yield Promise(statement.name.removeprefix("test_").replace("_", " "), words)


def _is_test(statement: ast.stmt) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return statement.name.startswith("test_")


def _one_line(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def table_of(chapters: Sequence[Chapter]) -> str:
    """A table of promises, in Markdown."""
    lines = []
    for chapter in chapters:
        lines += [f"\n**{chapter.title}**\n", "| when | then |", "|---|---|"]
        lines += [f"| {_cell(one.trouble)} | {_cell(one.words)} |" for one in chapter.promises]
    return "\n".join([*lines, "", ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def with_table(text: str, table: str) -> str:
    """The document with this table between its marks. Raises ValueError when it lacks one."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError("the document has no place for promises")
    return f"{before}{begin}{table}{end}{after}"


def pages() -> Mapping[Path, str]:
    """Each document, and what it should be."""
    return {
        ROOT / page: with_table((ROOT / page).read_text(), table_of(chapters_of(page)))
        for page in (SECURITY, RELIABILITY)
    }


def main() -> int:
    """Write all promises into the documents."""
    for path, text in pages().items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
