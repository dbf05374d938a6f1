"""One line when the engine is lost, one when it is back, and none for each call in between."""

from typing import Any

import pytest

from pool import EngineError, UnansweredError
from runner.engine.log import EngineLog

Events = list[dict[str, Any]]
SILENT = UnansweredError("create", "no answer within 20 s")
STUMBLED = EngineError("start", "internal error", status=500, image="gcc")
FAULT = EngineError("start", "no bash", image="gcc")
HOST = "unix:///var/run/docker.sock"


class Rig:
    """A log, a clock that stands still, and how often somebody was asked to look."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.looks = 0
        self.log = EngineLog(HOST, lambda: self.now_s)
        self.log.doubted = self._look

    def _look(self) -> None:
        self.looks += 1


@pytest.fixture
def rig() -> Rig:
    """A log of an engine that has not been looked at."""
    return Rig()


def said(logs: Events) -> list[str]:
    """The messages that were logged."""
    return [event["message"] for event in logs]


def test_a_fault_of_an_image_is_logged_at_once(rig: Rig, logs: Events) -> None:
    """A failed call that casts no doubt on the engine has its line, and nobody need look."""
    rig.log.failed(FAULT)

    assert (said(logs), logs[0]["engine_message"]) == (["engine call failed"], "no bash")
    assert (rig.looks, rig.log.may_be_away) == (0, False)


@pytest.mark.parametrize("error", [SILENT, STUMBLED])
def test_a_doubt_waits_for_a_look(rig: Rig, logs: Events, error: EngineError) -> None:
    """What may be the engine's own trouble makes somebody look; when the engine is there after
    all, the call has its line.
    """
    rig.log.failed(error)
    assert (logs, rig.looks, rig.log.may_be_away) == ([], 1, True)

    rig.log.answers()

    assert (said(logs), logs[0]["engine_message"]) == (["engine call failed"], error.message)
    assert not rig.log.may_be_away


def test_the_loss_and_the_return_are_logged_once(rig: Rig, logs: Events) -> None:
    """However many looks and calls fail, there is one line with the address, the reason and what
    to do, and one with how long it took and how many calls had failed.
    """
    rig.log.failed(SILENT)
    for _ in range(5):
        rig.log.lost("permission denied", "join the group")
        rig.log.failed(SILENT)
        rig.log.failed(FAULT)
    rig.now_s += 35.04
    rig.log.answers()
    rig.log.answers()

    lost, back = logs
    for event in logs:
        del event["time"]
    assert lost == {
        "level": "ERROR",
        "message": "engine lost",
        "engine": HOST,
        "reason": "permission denied",
        "advice": "join the group",
    }
    assert back == {
        "level": "INFO",
        "message": "engine back",
        "engine": HOST,
        "away_s": 35.0,
        "failed_calls": 11,
    }


def test_an_engine_that_is_there_is_no_news(rig: Rig, logs: Events) -> None:
    """A look that finds the engine where it was leaves no line."""
    rig.log.answers()

    assert logs == []


def test_a_second_loss_is_news_again(rig: Rig, logs: Events) -> None:
    """Each loss has its own line, and its own count."""
    for _ in range(2):
        rig.log.lost("gone", "")
        rig.log.failed(SILENT)
        rig.log.answers()

    assert said(logs) == ["engine lost", "engine back"] * 2
    assert [event["failed_calls"] for event in logs[1::2]] == [1, 1]


def test_at_the_end_nothing_waits(rig: Rig, logs: Events) -> None:
    """When nobody looks at the engine any more, a failed call has its line at once."""
    rig.log.failed(SILENT)
    rig.log.close()
    rig.log.failed(STUMBLED)

    assert [event["engine_message"] for event in logs] == [SILENT.message, STUMBLED.message]


def levels(logs: Events) -> list[tuple[str, str]]:
    """The levels and the messages."""
    return [(event["level"], event["message"]) for event in logs]


def test_an_image_that_cannot_start_has_one_error(rig: Rig, logs: Events) -> None:
    """Further failures are for those who look for them; its recovery is told once, with a count."""
    for _ in range(3):
        rig.log.failed(FAULT)
    rig.log.started("gcc")
    rig.log.started("gcc")

    failed = "engine call failed"
    assert levels(logs) == [
        ("ERROR", failed),
        ("DEBUG", failed),
        ("DEBUG", failed),
        ("INFO", "the image can be started again"),
    ]
    assert (logs[-1]["image"], logs[-1]["failed_starts"]) == ("gcc", 3)


def test_each_image_has_an_error_of_its_own(rig: Rig, logs: Events) -> None:
    """Each image has a line at its first failure, also when it fails again after it could be
    started. So has each other kind of call.
    """
    rig.log.failed(FAULT)
    rig.log.failed(EngineError("start", "no bash", image="perl"))
    rig.log.failed(EngineError("remove", "busy", container="1"))
    rig.log.failed(EngineError("remove", "busy", container="2"))
    rig.log.started("gcc")
    rig.log.failed(FAULT)

    assert [level for level, _ in levels(logs)] == ["ERROR"] * 4 + ["INFO", "ERROR"]


def test_after_a_change_of_images_a_failure_is_news(rig: Rig, logs: Events) -> None:
    """After images have changed a failure is logged again, because the image may be a new one."""
    rig.log.failed(FAULT)
    rig.log.images_changed()
    rig.log.failed(FAULT)
    rig.log.started("gcc")

    assert [level for level, _ in levels(logs)] == ["ERROR", "ERROR", "INFO"]


def test_an_image_on_trial_has_no_error(rig: Rig, logs: Events) -> None:
    """Whoever tries an image says in a line of its own what came of it, so the calls that failed on
    the way are for those who look for them. Others of its calls, such as a pull, are no trials.
    """
    rig.log.on_trial = "launcher"
    rig.log.failed(EngineError("start", "no cell: Permission denied", image="launcher"))
    rig.log.images_changed()
    rig.log.failed(EngineError("create", "no such profile", status=400, image="launcher"))
    rig.log.failed(EngineError("pull", "not found", image="launcher"))

    assert [level for level, _ in levels(logs)] == ["DEBUG", "DEBUG", "ERROR"]


def test_a_failed_engine_call_is_told_whole(rig: Rig, logs: Events) -> None:
    """Operation, image, container, status and the engine's own words are logged to the last."""
    words = "no space left on device: " + "x" * 5000
    rig.log.failed(EngineError("create", words, status=500, image="gcc", container="dojo-1"))
    rig.log.answers()

    (event,) = logs
    assert event["level"] == "ERROR"
    assert {key: event[key] for key in ("operation", "image", "container", "status")} == {
        "operation": "create",
        "image": "gcc",
        "container": "dojo-1",
        "status": 500,
    }
    assert event["engine_message"] == words


def test_the_wait_for_events_is_not_told_again_and_again(rig: Rig, logs: Events) -> None:
    """The wait for events, tried every second while the engine is down, is not logged each time."""
    rig.log.failed(EngineError("events", "cannot connect"))
    rig.log.answers()

    assert logs == []


def test_a_warning_of_the_engine_is_said_once(rig: Rig, logs: Events) -> None:
    """An engine warns at each create, so a text has one line. More than a hundred are dropped."""
    for _ in range(3):
        for number in range(200):
            rig.log.warned(f"no swap limit {number}")

    assert said(logs) == ["the engine warns"] * 100
    assert [event["level"] for event in logs] == ["WARNING"] * 100
    assert logs[0]["reason"] == "no swap limit 0"
