"""JSON lines: one flat object per event."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from loguru import logger

from pool import EngineError

if TYPE_CHECKING:
    from loguru import Message

LineSink = Callable[[str], None]

# Listening for the engine's events is tried again every second while it is down; who listens
# says so once, in its own words.
_SAID_ELSEWHERE = {"events"}


def set_up_logs(level: str, write: LineSink | None = None) -> None:
    """From now on everything logged at `level` or above is a line of JSON, to stdout or `write`."""

    def sink(message: "Message") -> None:
        line = _as_json(message) + "\n"
        if write is None:
            sys.stdout.write(line)
            sys.stdout.flush()
        else:
            write(line)

    logger.remove()
    # diagnose would print the values of variables, learners' code among them.
    logger.add(sink, level=level, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)


def report_engine_error(error: EngineError) -> None:
    """One line for a failed engine call, with the engine's whole message."""
    if error.operation in _SAID_ELSEWHERE:
        return
    logger.bind(
        operation=error.operation,
        image=error.image,
        container=error.container,
        status=error.status,
        engine_message=error.message,
    ).error("engine call failed")


def report_bug(task: str, error: BaseException) -> None:
    """An error of a background task that nobody foresaw, with the task's name and the trace."""
    logger.opt(exception=error).bind(task=task).error("unexpected error in the background")


def _as_json(message: "Message") -> str:
    record = message.record
    event: dict[str, Any] = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        event["exception"] = "".join(traceback.format_exception(record["exception"].value))
    return json.dumps(event, ensure_ascii=False, default=str)


class _ToLoguru(logging.Handler):
    """What libraries log by the standard module goes the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).bind(logger=record.name).log(
            record.levelname, "{}", record.getMessage()
        )
