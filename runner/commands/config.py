"""`dojo-runner config`: the settings as they hold, and where each of them comes from."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from runner.cli.terminal import console, print_json, told
from runner.commands.effective_settings import effective_settings
from runner.visible import visible_line


def show(
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON, for programs")
    ] = False,
) -> int:
    """Show every setting as it holds in this environment, and its source; secrets are masked.

    The exit status is 1 for a setting that is wrong, or whose name is misspelt.
    """
    return told(_show(as_json=as_json))


async def _show(*, as_json: bool) -> int:
    settings = effective_settings()
    if as_json:
        print_json([asdict(one) for one in settings])
        return 0
    width = max(len(one.variable) for one in settings)
    to = console()
    for one in settings:
        is_default = one.source == "default"
        line = Text(f"{one.variable:{width}}  ", style="dim" if is_default else "bold")
        line.append(f"{visible_line(one.value) or '(empty)'}  ").append(one.source, style="dim")
        to.print(line, soft_wrap=True)
    return 0
