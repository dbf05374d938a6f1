"""python -m scripts.settings_page: writes the tables of docs/settings.md, from the models.

What a setting is, and when to change it, stands below its field in `runner/configuration/`.
"""

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from runner.configuration.requests import MIB
from runner.configuration.subject import Subject
from runner.environment import variable_of
from runner.settings import Settings

PAGE = Path(__file__).parents[1] / "docs" / "settings.md"
BEGIN = "<!-- The settings, out of runner/configuration; `make docs` writes them. -->\n"
END = "<!-- The end of the settings. -->\n"

# Defaults that depend on where the daemon runs.
_IN_WORDS = {
    "CYBER_DOJO_RUNNER_REPLICA": "host name and port",
    "CYBER_DOJO_RUNNER_RUN_AS": "empty; in the service's image `10001:10001`",
    "DOCKER_CONFIG": "`~/.docker`",
}


class Words(NamedTuple):
    """The words about a setting, in Markdown: what it is, and when to change it."""

    what: str
    when: str


def subjects() -> list[type[Subject]]:
    """The classes of settings, in the order in which `dojo-runner config` has their settings."""
    found = (one for one in Settings.__mro__ if issubclass(one, Subject))
    return [one for one in reversed(list(found)) if one not in (Subject, Settings)]


def words_in(source: str, subject: str) -> dict[str, Words]:
    """The words below each field of a class. Raises ValueError for a field that lacks some."""
    classes = (one for one in ast.parse(source).body if isinstance(one, ast.ClassDef))
    body = next(one.body for one in classes if one.name == subject)
    return {
        statement.target.id: _words(statement.target.id, below)
        for statement, below in pairwise(body)
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    }


def _words(field: str, below: ast.stmt) -> Words:
    match below:
        case ast.Expr(ast.Constant(str(text))):
            what, _, when = inspect.cleandoc(text).partition("\n\n")
            if what and when:
                return Words(" ".join(what.split()), " ".join(when.split()))
    raise ValueError(f"{field}: below it must stand what it is and, apart, when to change it")


def default_of(variable: str, value: Any) -> str:
    """A default in the words of the page."""
    if variable in _IN_WORDS:
        return _IN_WORDS[variable]
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value in ("", (), None):
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if variable.endswith("_BYTES"):
        return f"{value // MIB} MiB"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


def tables() -> str:
    """All settings in Markdown: a heading and a table for each subject."""
    return "\n".join(line for one in subjects() for line in _table(one)) + "\n\n"


def _table(subject: type[Subject]) -> Iterator[str]:
    words = words_in(inspect.getsource(sys.modules[subject.__module__]), subject.__name__)
    yield f"\n## {(subject.__doc__ or '').rstrip('.')}\n"
    yield "| variable | default | what it is | when to change it |"
    yield "|---|---|---|---|"
    yield from _rows(subject.model_fields, words)


def _rows(fields: Mapping[str, FieldInfo], words: Mapping[str, Words]) -> Iterator[str]:
    for name, field in fields.items():
        variable = variable_of(name, field)
        cells = (f"`{variable}`", default_of(variable, field.default), *words[name])
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def with_tables(page: str) -> str:
    """The page with new tables. Raises ValueError when it has no place for them."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE.name} has no place for the settings")
    return f"{before}{begin}{tables()}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text()))
