"""The ways in which a test rules containers in memory; test_engine_contract.py has the rest."""

import asyncio
from contextlib import suppress

import pytest

from pool import ContainerSpec, EngineError, ImageMissingError
from tests.fakes import FakeContainers, FakeEngine, FakeImages, FakeStream

SPEC = ContainerSpec("some/image", "sha256:1", ("wait",), b"READY\n", "", labels={"key": "value"})


@pytest.fixture
def engine() -> FakeContainers:
    """Containers that are ready at once and then wait, of any image."""
    return FakeContainers()


async def begun(engine: FakeContainers, count: int) -> list[asyncio.Task[str]]:
    """Starts that wait for the test."""
    engine.hold()

    async def start() -> str:
        return (await engine.start(SPEC)).container_id

    tasks = [asyncio.create_task(start()) for _ in range(count)]
    await asyncio.sleep(0)
    assert engine.held == count
    return tasks


async def test_a_started_container_lives_until_it_is_removed(engine: FakeContainers) -> None:
    """A started container runs, and its removal ends its stream."""
    started = await engine.start(SPEC)
    assert engine.living == {started.container_id}

    await engine.remove(started.container_id)

    assert not engine.present
    assert started.stream.ended


async def test_starts_and_removals_are_counted(engine: FakeContainers) -> None:
    """The test sees what was asked for, in order, and how many starts there were at once."""
    first = await engine.start(SPEC)
    await asyncio.gather(engine.start(SPEC), engine.start(SPEC))
    await engine.remove(first.container_id)

    assert (engine.starts, engine.most_starts_at_once, engine.removals) == (3, 2, 1)
    assert (engine.asked, engine.removed) == ([SPEC] * 3, ["id-1"])
    assert [one.container_id for one in engine.of_image(SPEC.image)] == ["id-2", "id-3"]
    assert engine.of_image("other") == []


async def test_a_failed_start_leaves_nothing(engine: FakeContainers) -> None:
    """A start that fails says why and leaves no container, until the test takes the error back."""
    engine.start_error = EngineError("start", "no")

    for _ in range(2):
        with pytest.raises(EngineError, match="no"):
            await engine.start(SPEC)

    assert not engine.present
    engine.start_error = None
    await engine.start(SPEC)
    assert engine.living


async def test_a_held_start_waits_for_the_test(engine: FakeContainers) -> None:
    """While held, starts end in the order and the way that the test says."""
    first, second, third = await begun(engine, 3)

    engine.refuse(EngineError("start", "first"))
    engine.finish()

    with pytest.raises(EngineError, match="first"):
        await first
    assert await second in engine.living
    assert (engine.held, third.done()) == (1, False)
    engine.release()
    assert await third in engine.living
    await engine.start(SPEC)


async def test_a_cancelled_start_leaves_nothing(engine: FakeContainers) -> None:
    """A start that is cancelled leaves no container."""
    [task] = await begun(engine, 1)

    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert not engine.present
    assert not engine.held


async def test_a_start_that_is_cancelled_before_the_ready_mark_leaves_nothing() -> None:
    """A container whose program has not said that it is ready is removed with its program."""
    ends: list[str] = []

    async def never_ready(spec: ContainerSpec, stream: FakeStream) -> None:
        try:
            await stream.stdin.read()
        finally:
            ends.append(stream.name)

    engine = FakeContainers(programs={"wait": never_ready})
    task = asyncio.create_task(engine.start(SPEC))
    while not engine.present:  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert (engine.present, ends) == ({}, ["name-id-1"])


async def test_a_dead_container_stays_until_it_is_removed(engine: FakeContainers) -> None:
    """Death calls the listener once, and the engine still lists the container."""
    started = await engine.start(SPEC)
    calls: list[str] = []
    started.stream.on_end(lambda: calls.append("ended"))

    engine.kill(started.container_id, "it hurts")

    (seen,) = await engine.list_containers("key=value")
    assert (seen.state, engine.living) == ("exited", set())
    assert (started.stream.complaints, started.stream.ended) == ("it hurts", True)
    await engine.remove(started.container_id)
    assert calls == ["ended"]


async def test_a_container_can_die_at_the_moment_it_is_ready(engine: FakeContainers) -> None:
    """A test may do something to a stream just before its start returns."""
    engine.on_ready = FakeStream.end

    assert (await engine.start(SPEC)).stream.ended


async def test_a_strangers_container_is_listed(engine: FakeContainers) -> None:
    """A container that somebody else left has the state that the test says, and can be removed."""
    engine.add("stranger", "created", {"key": "value"}, created_s=7)

    (seen,) = await engine.list_containers("key=value")
    assert (seen.container_id, seen.state, seen.created_s) == ("stranger", "created", 7)
    await engine.remove("stranger")
    assert await engine.list_containers("key=value") == []


async def test_removals_can_be_kept_waiting(engine: FakeContainers) -> None:
    """A container whose removal waits is listed as such, and a second removal does not wait."""
    started = await engine.start(SPEC)
    engine.may_remove.clear()
    removing = asyncio.create_task(engine.remove(started.container_id))
    while not engine.removals:  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)

    (seen,) = await engine.list_containers("key=value")
    await engine.remove(started.container_id)

    assert seen.state == "removing"
    engine.may_remove.set()
    await removing
    assert not engine.present


async def test_removals_and_lists_can_fail(engine: FakeContainers) -> None:
    """A removal that fails leaves the container where it is."""
    started = await engine.start(SPEC)
    engine.remove_error = EngineError("remove", "busy")
    engine.list_error = EngineError("list", "cannot connect")

    with pytest.raises(EngineError, match="busy"):
        await engine.remove(started.container_id)
    with pytest.raises(EngineError, match="cannot connect"):
        await engine.list_containers("key=value")

    assert engine.living == {started.container_id}


async def test_failed_calls_are_told_of() -> None:
    """The fake engine tells of each failed call once, as the real client does.

    An absent image is no failure.
    """
    told: list[EngineError] = []
    engine = FakeEngine(told.append)
    engine.containers.start_error = EngineError("start", "no")
    with pytest.raises(EngineError):
        await engine.containers.start(SPEC)
    engine.containers.start_error = None
    with pytest.raises(ImageMissingError):
        await engine.containers.start(SPEC)
    with pytest.raises(EngineError):
        await engine.images.pull("none:1")
    with pytest.raises(ImageMissingError):
        await engine.images.image("none:1")

    assert [error.operation for error in told] == ["start", "pull"]


async def test_an_engine_that_is_closed_holds_no_container() -> None:
    """A service that closes its engine with containers left in it fails its test."""
    images = FakeImages()
    engine = FakeEngine()
    engine.containers = FakeContainers(images)
    images.on_node["some/image"] = images.add("some/image")
    spec = ContainerSpec("some/image", images.on_node["some/image"].image_id, (), b"R", "")
    started = await engine.containers.start(spec)

    with pytest.raises(AssertionError, match="would be cut off"):
        await engine.engines().close()
    await engine.containers.remove(started.container_id)
    await engine.engines().close()

    assert engine.is_closed
