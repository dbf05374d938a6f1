"""Prints the commands' results for people, in colours on a terminal, and plain elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text as Styled

from runner.authors.runs import Checked, Ran
from runner.client import Result, Text
from runner.visible import visible, visible_line

_STYLES = {"red": "bold red", "amber": "bold yellow", "green": "bold green"}
_OTHER = "bold magenta"
_SHOWN_ALREADY = "args"  # of a faulty colour's log: stdout, stderr and status once more
# The phases that docs/api.md names; the daemon's figures have more than these.
_PHASES = ("queue", "lease", "run", "harvest", "colour", "again")


def outcome(name: str) -> Styled:
    """The name of an outcome in its own colour."""
    return Styled(visible_line(name), style=_STYLES.get(name, _OTHER))


def ran(console: Console, one: Ran, notes: tuple[str, ...]) -> None:
    """Print the whole result of a run."""
    for note in notes:
        console.print(Styled(visible_line(f"note: {note}"), style="dim"))
    result = one.result
    _text(console, "stdout", result.stdout)
    _text(console, "stderr", result.stderr)
    _files(console, "created", result.created)
    _files(console, "changed", result.changed)
    _log(console, result)
    words = f"  status {visible_line(result.status)}, {one.took_ms:.0f} ms{_phases(result.timings)}"
    console.print(outcome(result.outcome).append(words, style="default"))


def _phases(timings: Mapping[str, float]) -> str:
    """The milliseconds of each phase that took at least one, in words."""
    took = {name: round(ms) for name, ms in timings.items() if name in _PHASES}
    listed = ", ".join(f"{name} {ms}" for name, ms in took.items() if ms)
    return f" ({listed})" if listed else ""


def checked(console: Console, one: Checked) -> None:
    """Print a line for one colour of a start point, with the reason if the colour is wrong."""
    verdict = "ok   " if one.is_right else "WRONG"
    line = Styled(f"{verdict} ", style="bold green" if one.is_right else "bold red")
    line.append(f"{one.colour:6} -> ", style="default")
    line.append_text(outcome(one.outcome)).append(f"  {one.took_ms:.0f} ms", style="default")
    console.print(line)
    if one.is_right:
        return
    if one.reason:
        console.print(Styled(f"      {visible_line(one.reason)}"))
    elif one.result is not None:
        _text(console, "stdout", one.result.stdout)
        _text(console, "stderr", one.result.stderr)
        _log(console, one.result)
        if not (one.result.stdout.content or one.result.stderr.content):
            console.print(Styled("      it printed nothing"))


def _text(console: Console, title: str, text: Text) -> None:
    if text.content:
        beginning = " (its beginning)" if text.truncated else ""
        console.print(Styled(visible_line(title) + beginning, style="bold"))
        console.print(Styled(visible(text.content.rstrip("\n"))), soft_wrap=True)


def _log(console: Console, result: Result) -> None:
    log = {key: value for key, value in result.log.items() if key != _SHOWN_ALREADY}
    if log:
        console.print(Styled("log", style="bold"))
    for line in _lines(log, "  "):
        console.print(Styled(visible(line)), soft_wrap=True)


def _lines(log: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in log.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        else:
            yield f"{indent}{key}: {value}"


def _files(console: Console, title: str, files: Mapping[str, Text]) -> None:
    for name, text in files.items():
        _text(console, f"{title} {name}", text)
