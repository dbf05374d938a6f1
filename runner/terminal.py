"""How commands end: an exit status, one line on stderr for an error, and never a traceback."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any

from loguru import logger
from rich.console import Console

from pool import EngineError
from runner.client import RunnerError
from runner.settings import SettingsError

FAILED = 1  # what was asked for could not be done
WRONG = 42  # what was checked is not what it must be
INTERRUPTED = 130


class CommandError(Exception):
    """What was asked for cannot be done; the message says why, and what to do."""


def told(work: Coroutine[Any, Any, int]) -> int:
    """Run it to its end. Its exit status; an error is one line."""
    logger.remove()  # the service's own log is of no use to those who type a command
    try:
        return asyncio.run(work)
    except (CommandError, RunnerError, SettingsError) as error:
        return _fail(str(error))
    except EngineError as error:
        return _fail(f"{error.operation} {error.image}: {error.message}".replace(" :", ":"))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read the output has seen enough
        sys.stdout = sys.stderr
        return FAILED
    except Exception as error:
        return _fail(f"unexpected error: {error!r}; please report it")


def console() -> Console:
    """For what a command tells: colours on a terminal, plain text elsewhere."""
    return Console(highlight=False)


def errors() -> Console:
    """The same on stderr: for what goes on meanwhile."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """For programs, and indented for those who look at it."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def _fail(message: str) -> int:
    sys.stderr.write(f"dojo-runner: {' '.join(message.split())}\n")
    return FAILED
