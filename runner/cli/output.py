"""How the console script ends: what it printed is written, and no reader sees a traceback."""

import os
import sys
from collections.abc import Callable
from io import TextIOWrapper

FAILED = 1  # the command could not do its work
INTERRUPTED = 130


def ended(command: Callable[[], int | None]) -> int:
    """Run a command, and write all that it has printed. Returns its exit status.

    The status is 1 if stdout cannot be written. If its reader has closed the pipe, no error is
    printed.
    """
    _prepare()
    status = FAILED
    try:
        status = command() or 0
    except SystemExit as error:  # cyclopts and Rich end a command in this way
        status = error.code if isinstance(error.code, int) else FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except OSError as error:  # of a command that prints by itself
        _tell(error)
    try:
        sys.stdout.flush()
    except OSError as error:
        if status == 0:
            _tell(error)
        status = status or FAILED
        # At its end Python would try to write the rest once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return status


def _prepare() -> None:
    """Open stdout and stderr if they are closed; escape characters that they cannot encode."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - open until the end
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _tell(error: OSError) -> None:
    if not isinstance(error, BrokenPipeError):
        sys.stderr.write(f"dojo-runner: cannot write: {error.strerror}\n")
