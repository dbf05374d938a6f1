"""The log: one line for each event, to stdout."""

import logging
import os
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from loguru import logger

from runner.configuration.addresses import masked_within
from runner.operators.lines import Event, LineOf, as_coloured_text, as_json, as_text
from runner.operators.log_writer import LogWriter
from runner.settings import LogFormat
from runner.tracing import current_trace

if TYPE_CHECKING:
    from loguru import Message, Record

STDOUT = 1
LineSink = Callable[[str], None]


def set_up_logs(level: str, write: LineSink, line_of: LineOf = as_json) -> None:
    """From now on `write` gets a line for everything that is logged at `level` or above."""

    def sink(message: "Message") -> None:
        write(line_of(_event_of(message)) + "\n")

    is_said = cache(lambda name: logger.level(name).no >= logger.level(level).no)

    def say_now(level: str, message: str, fields: Mapping[str, Any], at_s: float) -> None:
        if is_said(level):
            at = datetime.fromtimestamp(at_s, UTC).astimezone()
            write(line_of(Event(at, level, message, fields)) + "\n")

    global _say_at_once  # noqa: PLW0603 - a process has one logger, so it has one log
    _say_at_once = say_now
    logger.remove()
    # `diagnose` would print the values of variables, learners' code among them. The line is made
    # from the record, so loguru's own format would be made for nothing, at as much CPU again.
    logger.add(sink, level=level, format=_nothing, diagnose=False, backtrace=False)
    logging.basicConfig(handlers=[_ToLoguru()], level=logging.WARNING, force=True)


def say(level: str, message: str, fields: Mapping[str, Any], at_s: float) -> None:
    """Log an event as loguru would, at a third of its cost. For lines that every run logs.

    `at_s` is the event's time by the Unix clock. `fields` have the names of the request, too, if
    the event belongs to one.
    """
    _say_at_once(level, message, fields, at_s)


def _say_by_loguru(level: str, message: str, fields: Mapping[str, Any], _at_s: float) -> None:
    logger.bind(**fields).log(level, message)


_Say = Callable[[str, str, Mapping[str, Any], float], None]
_say_at_once: _Say = _say_by_loguru  # until set_up_logs


def log_to_stdout(level: str, wanted: LogFormat, *, may_colour: bool = True) -> LogWriter:
    """Log to stdout, by the writer that is returned; the caller closes it at the end."""
    line_of = line_for(wanted, is_terminal=os.isatty(STDOUT), may_colour=may_colour)
    writer = LogWriter(STDOUT, lambda count: line_of(_dropped(count)) + "\n")
    set_up_logs(level, writer.write, line_of)
    return writer


def line_for(wanted: LogFormat, *, is_terminal: bool, may_colour: bool) -> LineOf:
    """The form of the log's lines; colours are for terminals only."""
    if wanted is LogFormat.JSON or (wanted is LogFormat.AUTO and not is_terminal):
        return as_json
    return as_coloured_text if is_terminal and may_colour else as_text


def _dropped(count: int) -> Event:
    now = datetime.now(UTC).astimezone()
    return Event(now, "WARNING", "lines of the log were dropped", {"dropped": count})


def _nothing(_record: "Record") -> str:
    return ""


def _event_of(message: "Message") -> Event:
    record = message.record
    fields: Mapping[str, Any] = record["extra"]
    if record["exception"] is not None:
        words = "".join(traceback.format_exception(record["exception"].value))
        fields = {**fields, "exception": words}
    return Event(record["time"], record["level"].name, record["message"], _with_names(fields))


def _with_names(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """The fields, with the names of the request that is served."""
    trace = current_trace()
    return fields if trace is None else {**fields, **trace.fields}


class _ToLoguru(logging.Handler):
    """Hands loguru the lines that libraries log by Python's own module."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).bind(logger=record.name).log(
            record.levelname, "{}", masked_within(record.getMessage())
        )
