"""Logs: one flat object of JSON per line."""

import json
import logging
import time
from datetime import datetime
from typing import Any

import pytest
from loguru import logger

from runner.background import report_bug
from runner.operators.logs import say, set_up_logs

Events = list[dict[str, Any]]


def test_an_event_is_flat(logs: Events) -> None:
    """An event has time, level and message, and beside them what was bound to it."""
    logger.bind(image="gcc", number=1).warning("hello")

    (event,) = logs
    assert datetime.fromisoformat(event.pop("time")).tzinfo is not None
    assert event == {"level": "WARNING", "message": "hello", "image": "gcc", "number": 1}


@pytest.mark.parametrize("text", ["two\nlines\r\n", "\x1b[31m", "{0.__class__}", "<b>", "é\u2028"])
def test_an_event_is_one_line(text: str) -> None:
    """Whatever a learner wrote is data: it neither ends the line nor formats it."""
    lines: list[str] = []
    set_up_logs("INFO", lines.append)
    logger.bind(learner=text).info("said")
    logger.remove()

    (line,) = lines
    assert line.endswith("\n")
    assert line.count("\n") == 1
    assert json.loads(line)["learner"] == text


def test_what_is_below_the_level_is_left_out() -> None:
    """Only events from the level of the setting upwards are logged."""
    lines: list[str] = []
    set_up_logs("WARNING", lines.append)
    logger.info("no")
    logger.warning("yes")
    logger.remove()

    assert [json.loads(line)["message"] for line in lines] == ["yes"]


def test_a_bug_has_its_trace(logs: Events) -> None:
    """A trace is logged without the values of variables, as learners' code may be among them."""
    secret = "learner's code"  # noqa: S105 - not one
    try:
        raise ValueError(f"length {len(secret)}")
    except ValueError as error:
        report_bug("refill", error)

    (event,) = logs
    assert event["task"] == "refill"
    assert event["level"] == "ERROR"
    assert "Traceback" in event["exception"]
    assert "ValueError: length 14" in event["exception"]
    assert secret not in json.dumps(event).replace('secret = "learner', "")


def test_what_libraries_log_goes_the_same_way(logs: Events) -> None:
    """Warnings of libraries are logged with the logger's name, and braces in them are text."""
    logging.getLogger("aiohttp.server").error("oh %s {x}", "dear")
    logging.getLogger("aiohttp.server").info("chatter")

    (event,) = logs
    assert (event["level"], event["logger"], event["message"]) == (
        "ERROR",
        "aiohttp.server",
        "oh dear {x}",
    )


def test_what_libraries_log_has_no_login(logs: Events) -> None:
    """A library's line that names a URL has neither its password nor its token."""
    logging.getLogger("exporter").warning("no answer from http://me:sesame@host/v1?key=sesame")

    (event,) = logs
    assert event["message"] == "no answer from http://*****@host/v1?*****"


def test_what_is_said_at_once_is_an_event_like_any_other(logs: Events) -> None:
    """What each run logs goes past loguru, as that costs less, and looks no different."""
    logger.bind(image="gcc").info("run {ended}", ended="ended")
    say("INFO", "run ended", {"image": "gcc"}, time.time())

    by_loguru, at_once = logs
    assert datetime.fromisoformat(at_once.pop("time")) >= datetime.fromisoformat(
        by_loguru.pop("time")
    )
    del by_loguru["ended"]
    assert at_once == by_loguru


def test_what_is_said_at_once_has_a_level(logs: Events) -> None:
    """An event below the level of the setting is left out, also one that goes past loguru."""
    lines: list[str] = []
    set_up_logs("WARNING", lines.append)
    say("INFO", "no", {}, time.time())
    say("WARNING", "yes", {}, time.time())

    assert [json.loads(line)["message"] for line in lines] == ["yes"]
