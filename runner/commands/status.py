"""`dojo-runner status`: the pools of a daemon as a table, which follows them on a terminal."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from runner.cli.terminal import console, print_json, told
from runner.client import RunnerClient, RunnerError
from runner.visible import visible_line

EVERY_S = 1.0

# Heading, and the key of /health.
_COLUMNS = {
    "warm": "warm",
    "starting": "starting",
    "leased": "in use",
    "target": "target",
    "takes": "takes",
    "hits": "hits",
    "misses": "misses",
    "failures": "failures",
}
_STYLES = {"ok": "bold green", "draining": "bold yellow"}
_LONGEST_ERROR = 60
_MOST_SECONDS = 1e12
UNTOLD = "-"


def show(
    *,
    url: Annotated[str, Parameter(help="the daemon to ask")] = "http://127.0.0.1:4597",
    once: Annotated[bool, Parameter(negative="", help="print it once, and end")] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print the answer of /health, once")
    ] = False,
) -> int:
    """Show the pools of a daemon, anew each second until Ctrl-C.

    If stdout is no terminal, the table is printed once, as plain text. The exit status is 1 if no
    daemon answers.
    """
    return told(_show(url, once=once, as_json=as_json))


async def _show(url: str, *, once: bool, as_json: bool) -> int:
    async with RunnerClient(url) as client:
        health = await client.health()
        if as_json:
            print_json(health)
        elif once or not console().is_terminal:
            console().print(view(health))
        else:
            await _follow(client, health)
    return 0


async def _follow(client: RunnerClient, health: Mapping[str, Any]) -> None:
    """Show the daemon's state until Ctrl-C, also while the daemon does not answer."""
    with Live(view(health), console=console(), auto_refresh=False) as live:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                live.update(view(await client.health()), refresh=True)
            except RunnerError as error:
                live.update(Text(visible_line(str(error)), style="bold red"), refresh=True)


def view(health: Mapping[str, Any]) -> Group:
    """One line for the daemon, and a table with a row for each image."""
    table = Table(box=None, pad_edge=False)
    table.add_column("image", overflow="fold", min_width=20)
    for heading in _COLUMNS.values():
        table.add_column(heading, justify="right")
    table.add_column("start", justify="right")
    table.add_column("profile")
    table.add_column("last error", overflow="ellipsis")
    images: Mapping[str, Mapping[str, Any]] = health.get("images", {})
    for name, pool in sorted(images.items()):
        table.add_row(
            Text(visible_line(name)),
            *(Text(_word(pool, key)) for key in _COLUMNS),
            Text(_start(pool.get("fill_seconds"))),
            Text(_word(pool, "mode")),
            Text(_word(pool, "last_error", "")[:_LONGEST_ERROR], style="red"),
        )
    parts = [_daemon(health)]
    if health.get("pulling"):
        names = [name for name in health["pulling"] if isinstance(name, str)]
        parts.append(Text(visible_line(f"pulling {', '.join(names)}")))
    return Group(*parts, table if images else Text("no image has been used yet", style="dim"))


def _daemon(health: Mapping[str, Any]) -> Text:
    status = _word(health, "status", "?")
    line = Text(_word(health, "replica", "?"), style="bold")
    line.append(" ").append(status, style=_STYLES.get(status, "bold red"))
    counts = (f"{key} {_word(health, key)}" for key in ("running", "queued", "refused"))
    reuse = health.get("reuse", {})
    kind = _word(reuse, "kind")
    if (why := _word(reuse, "why_no_cells", "")) and _word(reuse, "wanted") != "never":
        kind = f"{kind}, as {why}"
    up = f"up {_duration(_number(health.get('uptime_s', 0)))}"
    return line.append(f"  {up}, {', '.join(counts)}, {kind}", style="not bold")


def _word(told: Mapping[str, Any], key: str, otherwise: str = UNTOLD) -> str:
    """A word or a number that a daemon tells; `otherwise` in the place of any other value."""
    value = told.get(key)
    return visible_line(str(value)) if isinstance(value, str | int | float) else otherwise


def _number(value: Any) -> float | None:
    """A number that a daemon tells; None if the value is no number, or makes no sense."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _MOST_SECONDS else None


def _start(seconds: Any) -> str:
    """The latest start, in milliseconds."""
    latest = _number(seconds[-1]) if isinstance(seconds, list) and seconds else None
    return UNTOLD if latest is None else f"{1000 * latest:.0f} ms"


def _duration(seconds: float | None) -> str:
    if seconds is None:
        return UNTOLD
    minutes, hours, days = seconds / 60, seconds / 3600, seconds / 86400
    if days >= 2:
        return f"{days:.0f} d"
    return f"{hours:.1f} h" if hours >= 1 else f"{minutes:.0f} min"
