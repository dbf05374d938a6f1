"""How commands print and end: with an exit status, and one line on stderr for an error."""

import asyncio
import json
import signal
import sys
from collections.abc import Coroutine
from typing import Any

from loguru import logger
from rich.console import Console

from pool import EngineError
from runner.cli.output import FAILED, INTERRUPTED
from runner.client import RunnerError
from runner.environment import SettingsError
from runner.visible import visible_line

WRONG = 42  # the command has checked something, and it is not as it must be


class CommandError(Exception):
    """A command cannot do its work; the message says why, and what to do."""


def told(work: Coroutine[Any, Any, int]) -> int:
    """Run a command to its end, and return its exit status; an error prints one line."""
    logger.remove()  # the service's own log is of no use to a user who types a command
    try:
        return asyncio.run(_until_interrupted(work))
    except (CommandError, RunnerError, SettingsError) as error:
        return _fail(str(error))
    except EngineError as error:
        what = f"{error.operation} {error.image}".strip()
        return _fail(f"{what}: {error.message}")
    except BrokenPipeError:  # the reader of the output has closed it
        return FAILED
    except OSError as error:  # the machine's fault, such as a full disk
        return _fail(str(error))
    except Exception as error:
        return _fail(f"unexpected error: {error!r}; please report it")


async def _until_interrupted(work: Coroutine[Any, Any, int]) -> int:
    """The command's status, or that of a command that Ctrl-C has ended.

    The loop itself hears of the signal, at once. Python's own handler would be called only after
    the loop's next event, if the signal came just as the loop began to wait.
    """
    task = asyncio.current_task()
    assert task is not None
    interrupted = asyncio.Event()

    def interrupt() -> None:
        interrupted.set()
        task.cancel()

    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, interrupt)
    try:
        return await work
    except asyncio.CancelledError:
        if interrupted.is_set():
            return INTERRUPTED
        raise


def console() -> Console:
    """The console for a command's output: in colours on a terminal, plain text elsewhere."""
    return Console(highlight=False)


def errors() -> Console:
    """The console on stderr, for a command's progress."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Print a value as JSON, indented so that people can read it, too."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _fail(message: str) -> int:
    sys.stderr.write(f"dojo-runner: {visible_line(message)}\n")
    return FAILED
