"""The console script: the health check and the help by themselves, all else by the command line."""

import os
import sys

from runner.cli.output import ended


def main() -> None:
    """Run the command that the arguments name, and exit with its status.

    The health check runs every few seconds for as long as the daemon lives. It imports nothing
    of the command line, whose imports would cost twenty times the CPU of the check. The list of
    commands needs nothing of it, either.
    """
    sys.exit(ended(_command))


# Each imports inside, so that Ctrl-C ends it in the midst of its imports without a traceback, too.
def _command() -> int | None:
    match sys.argv[1:]:
        case ["health"]:
            return _health(pause_s=0.0)
        case ["health", "--pause-s", seconds] if seconds.isdecimal():
            return _health(pause_s=float(seconds))
        case [] | ["--help"] | ["-h"]:
            return _help()
    return _command_line()


def _health(*, pause_s: float) -> int:
    from runner.http import probe  # noqa: PLC0415

    return probe.main(pause_s=pause_s)


def _help() -> int:
    from runner.commands.command_list import help_text  # noqa: PLC0415

    sys.stdout.write(help_text())
    return 0


def _command_line() -> int | None:
    _have_a_home()
    from runner.commands.command_line import app  # noqa: PLC0415

    status = app()
    return status if isinstance(status, int) else None


def _have_a_home() -> None:
    """A library asks for the user's home when it is imported, and would end a process without one.

    The user that systemd makes for the occasion has no HOME, and may be on no list of users.
    """
    if os.path.expanduser("~") == "~":
        os.environ["HOME"] = "/"


if __name__ == "__main__":
    main()
