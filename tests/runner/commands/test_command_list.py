"""The list of commands: it is what there is, and its help imports nothing else."""

import subprocess
import sys
from importlib import import_module

import pytest

from runner.commands.command_line import app
from runner.commands.command_list import COMMANDS, Command, help_text

ALL = {words: command for group in COMMANDS.values() for words, command in group.items()}


@pytest.mark.parametrize("words", ALL)
def test_a_command_that_is_listed_is_one(words: str) -> None:
    """Each listed command is understood as typed, its function exists, and the help
    says what it is for.
    """
    command: Command = ALL[words]
    module, _, name = command.function.partition(":")

    assert app.parse_commands(words.split())[0] == tuple(words.split())
    assert callable(getattr(import_module(module), name))
    assert f"  {words} " in help_text()
    assert command.what in help_text()


def test_help_fits_a_terminal() -> None:
    """No line is longer than the 80 columns that a terminal has at the least."""
    assert max(map(len, help_text().splitlines())) <= 80


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_help_is_quick(words: list[str]) -> None:
    """The help costs little more than Python itself: it reads neither the command
    line nor the service.
    """
    code = (
        f"import sys; sys.argv = ['dojo-runner', *{words}]\n"
        "from runner.__main__ import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules, file=sys.stderr)\n"
    )
    said = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert said.stdout == help_text()
    assert not set(said.stderr.split()) & {"aiohttp", "asyncio", "cyclopts", "pydantic", "rich"}
