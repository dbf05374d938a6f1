"""The console script: the health check by itself, everything else by the command line."""

import sys

from runner.http import probe


def main() -> None:
    """Run the command that the arguments name, and exit with its status.

    The health check runs every few seconds for as long as the daemon lives. It imports nothing
    of the command line, whose imports would cost twenty times the CPU of the check.
    """
    if sys.argv[1:] == ["health"]:
        sys.exit(probe.main())
    from runner.command_line import app  # noqa: PLC0415 - see above

    sys.exit(app())


if __name__ == "__main__":
    main()
