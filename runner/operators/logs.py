"""JSON lines: one flat object per event."""

import json
import logging
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from loguru import logger

from pool import EngineError
from runner.operators.log_writer import LogWriter

if TYPE_CHECKING:
    from loguru import Message

STDOUT = 1
LineSink = Callable[[str], None]

# Listening for the engine's events is tried again every second while the engine is down. The
# listener says so once, in its own words.
_SAID_ELSEWHERE = {"events"}


def set_up_logs(level: str, write: LineSink) -> None:
    """From now on everything logged at `level` or above is a line of JSON, given to `write`."""

    def sink(message: "Message") -> None:
        write(_as_json(message) + "\n")

    logger.remove()
    # diagnose would print the values of variables, learners' code among them.
    logger.add(sink, level=level, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)


def log_to_stdout(level: str) -> LogWriter:
    """The same, to stdout, by a writer of its own that is to be closed at the end."""
    writer = LogWriter(STDOUT, _words_for_dropped)
    set_up_logs(level, writer.write)
    return writer


def _words_for_dropped(count: int) -> str:
    now = datetime.now(UTC).astimezone().isoformat()
    words = {"time": now, "level": "WARNING", "message": "lines of the log were dropped"}
    return json.dumps({**words, "dropped": count}) + "\n"


def report_engine_error(error: EngineError) -> None:
    """Log one line for a failed engine call, with the engine's whole message."""
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
    """Log an unforeseen error of a background task, with the task's name and the trace."""
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
    """Send the lines that libraries log by the standard module the same way."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).bind(logger=record.name).log(
            record.levelname, "{}", record.getMessage()
        )
