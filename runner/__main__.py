"""The console script: the health check and the help by themselves, all else by the command line."""

import sys

from runner.command_list import help_text
from runner.http import probe
from runner.output import ended


def main() -> None:
    """Run the command that the arguments name, and exit with its status.

    The health check runs every few seconds for as long as the daemon lives. It imports nothing
    of the command line, whose imports would cost twenty times the CPU of the check. The list of
    commands needs nothing of it, either.
    """
    if sys.argv[1:] == ["health"]:
        sys.exit(ended(probe.main))
    if sys.argv[1:] in ([], ["--help"], ["-h"]):
        sys.exit(ended(_help))
    sys.exit(ended(_command_line))


def _help() -> int:
    sys.stdout.write(help_text())
    return 0


def _command_line() -> int | None:
    from runner.command_line import app  # noqa: PLC0415 - see above

    status = app()
    return status if isinstance(status, int) else None


if __name__ == "__main__":
    main()
