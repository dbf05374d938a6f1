"""The command line. Each command is imported when it is run, so that all of them start quickly."""

import sys
from typing import Literal

from cyclopts import App

from runner.commands.command_list import ABOUT, COMMANDS, NOUNS


def _version() -> str:
    from importlib.metadata import version  # noqa: PLC0415 - reads mail headers: half of a start

    return version("dojo-runner")


# A renderer of markdown would take half of the time of --help.
app = App(name="dojo-runner", help=ABOUT, help_format="plaintext", version=_version)


def completion(shell: Literal["bash", "zsh", "fish"]) -> int:
    """Print the script by which a shell completes this command's words."""
    sys.stdout.write(app.generate_completion(shell=shell))
    return 0


def _add_commands() -> None:
    nouns = {name: App(name=name, help=about) for name, about in NOUNS.items()}
    for group in COMMANDS.values():
        for words, command in group.items():
            noun, _, name = words.rpartition(" ")
            parent = nouns[noun] if noun else app
            parent.command(command.function, name=name, help=command.what)
    for about in nouns.values():
        app.command(about)


_add_commands()
