"""Mutants: the project with one protection taken out, and the tests that must notice it."""

import ast
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROTECTIONS = Path(__file__).with_name("protections.toml")


class Needs(StrEnum):
    """What the tests of a mutant need."""

    NOTHING = "nothing"
    CLANG = "clang"
    DOCKER = "docker"  # the engine, and the project's images
    LAUNCHER = "launcher"  # an image of the launcher that is built from the mutant, beside these


@dataclass(frozen=True)
class Mutant:
    """One protection: where it is, what is there when it is taken out, and who must notice.

    `tests` are names of test functions, in whichever files these are.
    """

    protection: str
    file: str
    find: str
    replace: str
    tests: tuple[str, ...]
    needs: Needs = Needs.NOTHING

    def fault(self, source: str, known_tests: Iterable[str]) -> str:
        """Why this mutant cannot be tried on this source; empty when it can."""
        if (count := source.count(self.find)) != 1:
            return f"{self.file} has {count} times: {self.find}"
        if self.find == self.replace:
            return "nothing is replaced"
        unknown = [name for name in self.tests if name not in known_tests]
        if unknown or not self.tests:
            return f"there is no test {', '.join(unknown)}"
        return ""

    def apply(self, source: str) -> str:
        """The source without the protection."""
        return source.replace(self.find, self.replace)


class Verdict(StrEnum):
    """The verdict on a mutant."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    BROKEN = "BROKEN"  # its tests did not run, which says nothing


def read_mutants(path: Path = PROTECTIONS) -> list[Mutant]:
    """The mutants of the list. Raises KeyError or TypeError for an entry with other fields."""
    entries = tomllib.loads(path.read_text())["mutant"]
    return [
        Mutant(
            **{
                **entry,
                "tests": tuple(entry["tests"]),
                "needs": Needs(entry.get("needs", Needs.NOTHING)),
            }
        )
        for entry in entries
    ]


def functions_by_name(folder: Path) -> dict[str, list[str]]:
    """Each test function's name -> what pytest calls it, relative to the folder's parent."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        place = str(path.relative_to(folder.parent))
        for names in _functions_in(ast.parse(path.read_text()).body):
            found.setdefault(names[-1], []).append("::".join((place, *names)))
    return found


def _functions_in(body: Sequence[ast.stmt]) -> Iterable[tuple[str, ...]]:
    for statement in body:
        if isinstance(statement, ast.ClassDef):
            for names in _functions_in(statement.body):
                yield (statement.name, *names)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield (statement.name,)


def node_ids(mutant: Mutant, known_tests: Mapping[str, Sequence[str]]) -> list[str]:
    """What pytest is to run for this mutant."""
    return [node for name in mutant.tests for node in known_tests[name]]


def selection(needs: Needs) -> list[str]:
    """Pytest's options that leave out what the mutant's tests are not meant to need."""
    without = {
        Needs.NOTHING: "not docker and not clang",
        Needs.CLANG: "not docker",
    }
    return ["-m", without[needs]] if needs in without else []


def verdict_of(exit_status: int | None, output: str) -> tuple[Verdict, str]:
    """The verdict that follows from pytest's end, and the test that noticed.

    The status is None if pytest had to be ended.
    """
    if exit_status is None:
        return Verdict.KILLED, "the deadline: its tests did not end"
    if exit_status == 0:
        return Verdict.SURVIVED, ""
    noticed = re.search(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
    if exit_status == 1 and noticed is not None:
        return Verdict.KILLED, noticed[1].removeprefix("tests/")
    return Verdict.BROKEN, f"pytest ended with {exit_status}: {output.strip()[-300:]}"
