"""The fake engine keeps the rules that the real one keeps; see test_docker_containers.py."""

import asyncio
from contextlib import suppress

import pytest

from pool import EngineError

from .conftest import SPEC, settle
from .fake_engine import FakeEngine


async def test_a_started_container_lives_until_it_is_removed(engine: FakeEngine) -> None:
    """What was started runs, and removing it ends its stream."""
    started = await engine.start(SPEC)
    assert engine.living == {started.container_id}

    await engine.remove(started.container_id)

    assert not engine.present
    assert started.stream.ended


async def test_a_failed_start_leaves_nothing(engine: FakeEngine) -> None:
    """A start that fails says why and leaves no container."""
    engine.start_error = EngineError("start", "no")

    with pytest.raises(EngineError, match="no"):
        await engine.start(SPEC)

    assert not engine.present


async def test_a_held_start_waits_for_the_test(engine: FakeEngine) -> None:
    """While held, starts end in the order and the way that the test says."""
    engine.hold()
    first, second = asyncio.create_task(engine.start(SPEC)), asyncio.create_task(engine.start(SPEC))
    await settle()

    engine.refuse(EngineError("start", "first"))
    engine.let_go()

    with pytest.raises(EngineError, match="first"):
        await first
    assert (await second).container_id in engine.living


async def test_a_cancelled_start_leaves_nothing(engine: FakeEngine) -> None:
    """A start that is cancelled leaves no container."""
    engine.hold()
    task = asyncio.create_task(engine.start(SPEC))
    await settle()

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert not engine.present
    assert not engine.held


async def test_a_dead_container_stays_until_it_is_removed(engine: FakeEngine) -> None:
    """Death calls the listener once, and the engine still lists the container."""
    started = await engine.start(SPEC)
    calls: list[str] = []
    started.stream.on_end(lambda: calls.append("ended"))

    engine.kill(started.container_id)
    await engine.remove(started.container_id)

    assert calls == ["ended"]
