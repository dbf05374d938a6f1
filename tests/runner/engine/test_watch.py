"""Whether the engine answers is known within seconds, whatever it does."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Literal, TypeVar

import pytest

from pool import EngineError
from runner.engine import watch
from runner.engine.log import EngineLog
from runner.engine.watch import EVERY_S, LOOK_S, EngineWatch
from tests.fakes import FakeContainers
from tests.reports import unheard
from tests.waiting import eventually

_T = TypeVar("_T")
Events = list[dict[str, Any]]
LABEL = "owner=me"
KNOWN_WITHIN_S = 5.0


class Rig:
    """A watch of a fake engine, and how often the engine came."""

    def __init__(self) -> None:
        self.came = 0
        self.log = EngineLog("unix:///fake.sock")
        self.engine = FakeContainers(failed=self.log.failed)
        self.watch = EngineWatch(self.engine, LABEL, self.log, unheard(), self._came)

    def _came(self) -> None:
        self.came += 1

    async def answers(self) -> bool:
        """Whether the watch says that the engine answers."""
        return self.watch.answers


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """A watch that has found its engine."""
    rig = Rig()
    rig.watch.start()
    await eventually(rig.answers)
    yield rig
    await rig.watch.close()


class Asked(asyncio.Event):
    """Counts how often it was waited for."""

    times = 0

    async def wait(self) -> Literal[True]:
        """Count it, and wait."""
        self.times += 1
        return await super().wait()


# Services that other tests share may log at the same time.


def of_engine(logs: Events) -> Events:
    """That the engine was lost, and that it is back."""
    return [event for event in logs if event["message"] in ("engine lost", "engine back")]


def calls(logs: Events, words: str) -> Events:
    """The calls that failed with these words of the engine's."""
    return [event for event in logs if event.get("engine_message") == words]


def test_a_hang_is_known_within_five_seconds() -> None:
    """The pause between two looks, and the longest look, are shorter than that together."""
    assert EVERY_S + LOOK_S < KNOWN_WITHIN_S


async def test_before_the_first_look_it_does_not_answer() -> None:
    """An engine that nobody has looked at is not taken for one that answers."""
    assert not Rig().watch.answers


async def test_an_engine_that_hangs(rig: Rig, logs: Events) -> None:
    """A look that is not answered tells, without anybody's call, that the engine is lost; and when
    it goes on, that it is back.
    """
    rig.engine.may_tell.clear()
    await eventually(rig.answers, lambda answers: not answers)
    rig.engine.may_tell.set()
    await eventually(rig.answers)

    lost, back = of_engine(logs)
    assert (lost["message"], lost["reason"]) == ("engine lost", f"no answer within {LOOK_S:g} s")
    assert "docker ps" in lost["advice"]
    assert back["message"] == "engine back"
    assert rig.came == 2


async def test_a_process_that_did_not_run_blames_no_engine(
    rig: Rig, logs: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that came in time, but was not read in time, is no sign of an engine that hangs."""
    monkeypatch.setattr(watch, "LOOK_S", 0.2)
    monkeypatch.setattr(watch, "LATE_S", 0.1)
    asked = rig.engine.may_tell = Asked()
    rig.watch.look_now()
    await eventually(lambda: _now(asked.times), lambda times: times == 1)

    time.sleep(0.5)  # noqa: ASYNC251 - nothing runs, as on a machine that is far too busy
    for _ in range(3):  # the loop needs some turns to read an answer
        await asyncio.sleep(0)
    asked.set()
    await eventually(lambda: _now(asked.times), lambda times: times == 3)

    assert of_engine(logs) == []
    assert (rig.watch.answers, rig.came) == (True, 1)


async def test_one_failed_look_is_not_believed(rig: Rig, logs: Events) -> None:
    """An engine that fails a call now and then does not count as lost."""

    def fail_once(error: EngineError) -> None:
        rig.log.failed(error)
        rig.engine.list_error = None

    rig.engine._failed = fail_once
    rig.engine.list_error = EngineError("list", "internal error", status=500)
    rig.watch.look_now()
    await eventually(lambda: _now(calls(logs, "internal error")))

    assert of_engine(logs) == []
    assert (rig.watch.answers, rig.came) == (True, 1)


async def test_a_call_that_fails_makes_it_look_at_once(rig: Rig, logs: Events) -> None:
    """A call that casts doubt on the engine is followed by a look, and its line by the verdict."""
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0)  # the watch pauses now
    asked_s = loop.time()

    rig.log.failed(EngineError("create", "internal error", status=500))
    await eventually(lambda: _now(calls(logs, "internal error")))

    assert of_engine(logs) == []
    assert loop.time() - asked_s < EVERY_S / 2


async def test_an_engine_that_fails_every_call_is_lost(rig: Rig, logs: Events) -> None:
    """An engine that fails twice in a row counts as lost, with its own words as the reason."""
    rig.engine.list_error = EngineError("list", "no space left on device", status=500)
    await eventually(rig.answers, lambda answers: not answers)

    assert [(event["message"], event["reason"]) for event in of_engine(logs)] == [
        ("engine lost", "no space left on device")
    ]


async def _now(value: _T) -> _T:
    return value
