"""Prints findings: each as a line as soon as it is made, or all of them as JSON."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import asdict

from rich.console import Console
from rich.text import Text

from runner.cli.terminal import console, errors, print_json
from runner.doctor.findings import Finding, Level, problem
from runner.visible import visible_line

_STYLES = {Level.OK: "green", Level.WARNING: "bold yellow", Level.PROBLEM: "bold red"}


async def tell(findings: AsyncIterator[Finding], *, as_json: bool) -> Level:
    """Print them, and return the worst level among them.

    If the command is interrupted, what was found until then is printed as JSON, too.
    """
    found: list[Finding] = []
    try:
        with errors().status("looking"):
            async for finding in findings:
                found.append(finding)
                if not as_json:
                    show(console(), finding)
    except asyncio.CancelledError:
        found.append(problem("the examination", "was interrupted", "the rest is not known"))
        _sum_up(found, as_json=as_json)
        raise
    return _sum_up(found, as_json=as_json)


def _sum_up(found: Iterable[Finding], *, as_json: bool) -> Level:
    levels = {one.level for one in found}
    worst = next((level for level in reversed(Level) if level in levels), Level.OK)
    if as_json:
        print_json({"level": worst, "findings": [asdict(one) for one in found]})
    return worst


def show(to: Console, finding: Finding) -> None:
    """One line, and a second one with what to do."""
    line = Text(f"{finding.level.value:8} ", style=_STYLES[finding.level])
    line.append(f"{visible_line(finding.name):16} ", style="bold")
    line.append(visible_line(finding.found), style="default")
    to.print(line, soft_wrap=True)
    if finding.advice:
        advice = Text(f"{'':8} {'':16} {visible_line(finding.advice)}", style="dim")
        to.print(advice, soft_wrap=True)
