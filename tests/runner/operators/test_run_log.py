"""The line that each run leaves in the log."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from runner.kata import Used
from runner.operators.run_log import RunLog
from runner.run.record import ABANDONED, RunRecord
from runner.tracing import Trace
from tests.conftest import ServeFake

Events = list[dict[str, Any]]

RED = RunRecord(
    kata_id="aBc123",
    image="gcc:latest",
    is_here=True,
    outcome="red",
    status="1",
    reason="",
    took_s=0.0254,
    phases_s={"queue": 0.0, "lease": 0.0001, "run": 0.02, "harvest": 0.001, "colour": 0.005},
    hit=True,
    kind="cells",
    container="dojo-1",
    bytes_in=1000,
    bytes_out=2000,
    used=Used(0.0412, 9437184, 3),
    ended_at_s=1_800_000_000.0,
)


def said(logs: Events, run: RunRecord, *, is_away: bool = False) -> dict[str, Any]:
    """The one line that a run leaves."""
    RunLog(lambda: is_away).run_ended(run)
    (event,) = logs
    del event["time"]
    return event


def test_a_line_has_the_facts_of_a_run(logs: Events) -> None:
    """Outcome, container and sizes, and the milliseconds of each phase and of the whole."""
    assert said(logs, RED) == {
        "level": "INFO",
        "message": "run ended",
        "kata_id": "aBc123",
        "image": "gcc:latest",
        "outcome": "red",
        "status": "1",
        "take": "hit",
        "kind": "cells",
        "container": "dojo-1",
        "queue_ms": 0.0,
        "lease_ms": 0.1,
        "run_ms": 20.0,
        "harvest_ms": 1.0,
        "colour_ms": 5.0,
        "cpu_ms": 41.2,
        "memory_bytes": 9437184,
        "processes": 3,
        "took_ms": 25.4,
        "bytes_in": 1000,
        "bytes_out": 2000,
    }


@pytest.mark.parametrize(
    ("outcome", "is_away", "level", "message"),
    [
        ("amber", False, "INFO", "run ended"),
        ("pulling", False, "INFO", "run ended"),
        (ABANDONED, False, "INFO", "run abandoned"),
        ("timed_out", False, "WARNING", "run ended badly"),
        ("timed_out", True, "WARNING", "run ended badly"),
        ("faulty", False, "WARNING", "run ended badly"),
        ("faulty", True, "DEBUG", "run ended badly"),  # that the engine is lost is said elsewhere
    ],
)
def test_a_bad_run_is_a_warning(
    logs: Events, outcome: str, is_away: bool, level: str, message: str
) -> None:
    """A time-out and a faulty run are warnings; other runs are not."""
    event = said(logs, replace(RED, outcome=outcome), is_away=is_away)

    assert (event["level"], event["message"]) == (level, message)


def test_what_a_run_has_not_is_left_out(logs: Events) -> None:
    """A run without a container says nothing of one, and a run that ended well has no reason."""
    event = said(logs, replace(RED, hit=None, kind="", container="", phases_s={"queue": 0.001}))

    assert event.keys().isdisjoint({"take", "kind", "container", "lease_ms", "reason"})
    assert event["queue_ms"] == 1.0


def test_a_miss_is_told_from_a_hit(logs: Events) -> None:
    """A run that waited for its container to start is a miss."""
    assert said(logs, replace(RED, hit=False))["take"] == "miss"


def test_a_line_is_of_the_time_when_the_run_ended(logs: Events) -> None:
    """The line is written a moment later, and has the names of the run's own request."""
    RunLog(lambda: False).run_ended(replace(RED, trace=Trace("web-7", "a" * 32)))

    (event,) = logs
    assert datetime.fromisoformat(event["time"]).timestamp() == RED.ended_at_s
    assert (event["request_id"], event["trace_id"]) == ("web-7", "a" * 32)


async def test_each_run_leaves_one_line(serve_fake: ServeFake, logs: Events) -> None:
    """Every run, good or bad, leaves one line, with the container that it ran in."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.run("exit 0")
        await http.run("sleep 9", max_seconds=1)
        await http.run(image_name="not-here")

    lines = [event for event in logs if event["message"].startswith("run ")]
    assert [(line["level"], line["outcome"], line["status"]) for line in lines] == [
        ("INFO", "green", "0"),
        ("WARNING", "timed_out", "142"),
        ("INFO", "pulling", "141"),
    ]
    assert lines[0]["container"]
    assert lines[0]["bytes_in"] > 100
    assert lines[0]["bytes_out"] > 100
    assert "stopped after 1 s" in lines[1]["reason"]
    assert "container" not in lines[2]
