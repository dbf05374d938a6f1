"""The life of a container on an engine that has a bad day."""

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from pool import DockerClient, DockerContainers, EngineError
from pool.docker_steps import SHIM_BYTES
from tests.waiting import eventually

from .fake_dockerd import (
    STDERR,
    STDOUT,
    Answer,
    FakeDockerd,
    answer,
    frame,
    reset,
    the_end,
    upgraded,
)
from .healthy import CREATED, READY, healthy
from .support import a_spec


@pytest.fixture
def containers(client: DockerClient) -> DockerContainers:
    """Containers of the scripted engine."""
    return DockerContainers(client)


def removals(dockerd: FakeDockerd) -> int:
    """How often the engine was asked to remove the container that was being started."""
    return sum(request.startswith("DELETE /containers/dojo-") for request in dockerd.asked)


async def test_a_mark_in_pieces_is_a_mark(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """A ready mark counts, however the engine cuts it into frames."""
    healthy(dockerd, upgraded(frame(STDOUT, b"REA"), frame(STDOUT, b"DY\n")))

    started = await containers.start(a_spec())

    assert started.container_id == "c1"
    await started.stream.close()


@pytest.mark.parametrize(
    ("memory", "held_bytes"),
    [
        ({"usage": 900, "stats": {"inactive_file": 100, "total_inactive_file": 200}}, 700),
        ({"usage": 900, "stats": {"inactive_file": 100}}, 800),
        ({"usage": 900}, 900),
    ],
    ids=["cgroup v1", "cgroup v2", "no more than that"],
)
async def test_a_container_that_has_warmed_up_is_weighed(
    dockerd: FakeDockerd, containers: DockerContainers, memory: object, held_bytes: int
) -> None:
    """The memory of a container that has warmed up counts with its shim.

    Files that the kernel may drop do not count.
    """
    healthy(dockerd, upgraded(READY))
    dockerd.on("GET /containers/c1/stats", answer({"memory_stats": memory}))

    started = await containers.start(replace(a_spec(), warm_up=("hook",)))

    assert started.memory_bytes == SHIM_BYTES + held_bytes
    await started.stream.close()


@pytest.mark.parametrize(
    "said",
    [
        answer({"message": "no"}, 500),
        answer({"memory_stats": {}}),
        answer([1]),
        answer({"memory_stats": {"usage": 1, "stats": [1]}}),
        answer({"memory_stats": {"usage": float("inf")}}),
        reset,
    ],
    ids=["an error", "nothing", "nonsense", "a list", "without end", "no answer"],
)
async def test_a_container_that_cannot_be_weighed_is_as_good_as_any(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError], said: Answer
) -> None:
    """The engine's error is reported, and the start succeeds."""
    healthy(dockerd, upgraded(READY))
    dockerd.on("GET /containers/c1/stats", said)

    started = await containers.start(replace(a_spec(), warm_up=("hook",)))

    assert started.memory_bytes == 0
    assert [error.operation for error in reported] == ["stats"]
    await started.stream.close()


async def test_a_container_without_a_warm_up_is_not_weighed(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """A container without a warm-up is not weighed, which would cost its start time."""
    healthy(dockerd, upgraded(READY))

    started = await containers.start(a_spec())

    assert "GET /containers/c1/stats" not in dockerd.asked
    await started.stream.close()


async def test_a_mark_and_more_is_no_mark(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """A container that prints more than its ready mark is not warm."""
    healthy(dockerd, upgraded(frame(STDOUT, b"READY\nand more")))

    with pytest.raises(EngineError, match="and more") as caught:
        await containers.start(a_spec())

    assert reported == [caught.value]


async def test_a_start_on_an_engine_that_never_answers(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """A caller's own deadline ends the wait; the container that was begun is removed afterwards."""
    answered = asyncio.Event()

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await answered.wait()
        await answer(CREATED, 201)(reader, writer)

    dockerd.on("POST /containers/create", late)
    task = asyncio.create_task(containers.start(a_spec()))
    await eventually(lambda: _asked(dockerd, "POST /containers/create"))

    task.cancel()
    task.cancel()
    answered.set()
    with suppress(asyncio.CancelledError):
        await task
    await containers.close()

    assert removals(dockerd) == 1


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (["no swap limit", "x" * 5000], ["no swap limit", f"{'x' * 500} ... {'x' * 500}"]),
        ([None, 3, {"a": "b"}, "red"], ["red"]),
        (None, []),
        ("a text", []),
        (["same"] * 1000, ["same"] * 10),
    ],
)
async def test_what_the_engine_warns_of_is_told(
    dockerd: FakeDockerd, client: DockerClient, said: Any, told: list[str]
) -> None:
    """Each warning in the answer of a create is told, ten at most; an odd one is passed over."""
    warnings: list[str] = []
    healthy(dockerd, upgraded(READY))
    dockerd.on("POST /containers/create", answer({"Id": "c1", "Warnings": said}, 201))

    started = await DockerContainers(client, warned=warnings.append).start(a_spec())
    await started.stream.close()

    assert warnings == told


async def _asked(dockerd: FakeDockerd, request: str) -> bool:
    return request in dockerd.asked


BROKEN_STEPS: dict[str, tuple[str, Answer, str]] = {
    "create": ("POST /containers/create", answer({"message": "no space left"}, 500), "no space"),
    "create without an id": ("POST /containers/create", answer({}, 201), "Id"),
    "attach": ("POST /containers/c1/attach", answer({"message": "not now"}, 409), "not now"),
    "attach without upgrade": ("POST /containers/c1/attach", answer({}), "Cannot upgrade"),
    "attach torn down": ("POST /containers/c1/attach", reset, "cannot connect to the engine"),
    "start": ("POST /containers/c1/start", answer({"message": "cgroup limit"}, 500), "cgroup"),
    "start torn down": ("POST /containers/c1/start", reset, "cannot connect to the engine"),
}


@pytest.mark.parametrize("step", BROKEN_STEPS.values(), ids=BROKEN_STEPS)
async def test_a_step_that_fails_is_one_error_and_undone(
    dockerd: FakeDockerd,
    containers: DockerContainers,
    reported: list[EngineError],
    step: tuple[str, Answer, str],
) -> None:
    """A failed step is one error with the engine's words, one report of it, and one removal."""
    request, reply, words = step
    healthy(dockerd, upgraded(READY))
    dockerd.on(request, reply)

    with pytest.raises(EngineError, match=words) as caught:
        await containers.start(a_spec())

    assert [error for error in reported if error.operation != "remove"] == [caught.value]
    assert removals(dockerd) == 1


async def test_an_end_before_the_mark_is_one_error(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """An end before the mark is one error, with the complaints and the engine's words."""
    healthy(dockerd, upgraded(frame(STDERR, b"exec failed\n"), then=the_end))

    with pytest.raises(EngineError) as caught:
        await containers.start(a_spec())

    assert caught.value.message == "exec failed; exited (1): boom"
    assert reported == [caught.value]


async def test_an_end_that_nobody_can_explain_is_still_told(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """When even the question why fails, both are reported once, and the start's is raised."""
    healthy(dockerd, upgraded(frame(STDERR, b"exec failed\n"), then=the_end))
    dockerd.on("POST /containers/c1/wait", answer({"message": "engine is confused"}, 500))

    with pytest.raises(EngineError) as caught:
        await containers.start(a_spec())

    assert caught.value.message == "exec failed"
    assert [error.operation for error in reported] == ["inspect", "start"]


@pytest.mark.parametrize("end", [the_end, reset])
async def test_a_mark_that_was_torn_is_no_mark(
    dockerd: FakeDockerd, containers: DockerContainers, end: Answer
) -> None:
    """A connection cut in the middle of the mark's frame is an end."""
    healthy(dockerd, upgraded(READY[:-2], then=end))

    with pytest.raises(EngineError, match="exited"):
        await containers.start(a_spec())


async def test_an_undoing_that_fails_hides_nothing(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """When the removal after a failed start fails, too, the error of the start is raised."""
    healthy(dockerd, upgraded(frame(STDOUT, b"GARBAGE")))

    with pytest.raises(EngineError, match="GARBAGE"):
        await containers.start(a_spec())

    assert [error.operation for error in reported] == ["ready"]  # 404: it is gone, which is fine


@pytest.mark.parametrize("status", [204, 404, 409])
async def test_what_is_gone_or_going_counts_as_removed(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError], status: int
) -> None:
    """A container that is gone, or that somebody removes already, counts as removed."""
    dockerd.on("DELETE /containers/c1", answer({"message": "in progress"}, status))

    await containers.remove("c1")

    assert not reported


async def test_a_removal_that_fails_is_an_error(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """A removal that fails is one error with the engine's words, reported once."""
    dockerd.on("DELETE /containers/c1", answer({"message": "device is busy"}, 500))

    with pytest.raises(EngineError, match="device is busy") as caught:
        await containers.remove("c1")

    assert caught.value.operation == "remove"
    assert reported == [caught.value]
