"""The promises that the pool builds on: tested on containers in memory and on the real engine."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from pool import ContainerSpec, DockerContainers, EngineError, ImageMissingError, Started
from pool.engine import ContainerEngine
from tests.fakes import FakeContainers, FakeImages, FakeStream
from tests.waiting import eventually

PYTHON = "dojo-runner/python-pytest:latest"
ECHO = "echo READY; exec cat"
WRONG = "echo NOT REALLY; exec cat"
COMPLAINS = "echo no such tool >&2; exit 3"


async def bash(spec: ContainerSpec, stream: FakeStream) -> None:
    """The program of a container in memory: it does what bash does with the scripts above."""
    script = spec.command[-1]
    if script == COMPLAINS:
        stream.complaints = "no such tool"
        return
    stream.say(b"READY\n" if script == ECHO else b"NOT REALLY\n")
    while data := await stream.stdin.read(65536):
        stream.say(data)


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def containers(request: pytest.FixtureRequest) -> ContainerEngine:
    """The containers of either engine."""
    if request.param == "docker":
        real: DockerContainers = request.getfixturevalue("docker_containers")
        return real
    images = FakeImages()
    images.on_node[PYTHON] = replace(images.add(PYTHON), image_id=PYTHON)
    return FakeContainers(images, {"bash": bash})


@pytest.fixture
async def label(containers: ContainerEngine) -> AsyncIterator[str]:
    """A label of this test's own, whose containers are removed at its end."""
    label = f"dojo-runner.test-{uuid.uuid4().hex}"
    yield label
    for one in await containers.list_containers(f"{label}=1"):
        await containers.remove(one.container_id)


def a_spec(label: str, script: str = ECHO) -> ContainerSpec:
    """A container that runs that script."""
    return ContainerSpec(
        image=PYTHON,
        image_id=PYTHON,
        command=("bash", "-c", script),
        ready_mark=b"READY\n",
        user="41966:51966",
        labels={label: "1"},
    )


async def states(containers: ContainerEngine, label: str) -> list[str]:
    """The states of all containers that carry the label."""
    return [one.state for one in await containers.list_containers(f"{label}=1")]


async def read_exactly(started: Started, size: int) -> bytes:
    """The next bytes that a container says, that many of them."""
    said = bytearray()
    async with asyncio.timeout(20):
        while len(said) < size and (more := await started.stream.read()):
            said += more
    return bytes(said)


async def test_a_started_container_waits_and_answers(
    containers: ContainerEngine, label: str
) -> None:
    """After its ready mark a container answers what is written to it."""
    started = await containers.start(a_spec(label))

    await started.stream.write(b"hello")

    assert await read_exactly(started, 5) == b"hello"
    await started.stream.close()


async def test_a_started_container_is_listed_by_its_labels(
    containers: ContainerEngine, label: str
) -> None:
    """A container is listed with its id, name, state, labels and age, by each of its labels."""
    started = await containers.start(replace(a_spec(label), labels={label: "1", "other": "x"}))

    (seen,) = await containers.list_containers(f"{label}=1")

    assert (seen.container_id, seen.name) == (started.container_id, started.name)
    assert seen.state == "running"
    assert (seen.labels[label], seen.labels["other"]) == ("1", "x")
    assert seen.created_s is not None
    assert await containers.list_containers(f"{label}=2") == []
    await started.stream.close()


async def test_only_the_ready_mark_makes_it_warm(containers: ContainerEngine, label: str) -> None:
    """Anything but the ready mark is an error that quotes what was said, and leaves nothing."""
    with pytest.raises(EngineError, match="NOT REALLY") as caught:
        await containers.start(a_spec(label, WRONG))

    assert caught.value.operation == "ready"
    assert await states(containers, label) == []


async def test_one_that_ends_before_its_ready_mark_says_why(
    containers: ContainerEngine, label: str
) -> None:
    """The error holds the container's own complaints, and how the engine says that it ended."""
    with pytest.raises(EngineError, match=r"no such tool; exited \(\d+\)") as caught:
        await containers.start(a_spec(label, COMPLAINS))

    assert caught.value.operation == "start"
    assert await states(containers, label) == []


async def test_a_missing_image_is_an_answer_of_its_own(
    containers: ContainerEngine, label: str
) -> None:
    """A start of an image that is not on the node raises ImageMissingError, and leaves nothing."""
    with pytest.raises(ImageMissingError):
        await containers.start(replace(a_spec(label), image_id="nosuch/image:1"))

    assert await states(containers, label) == []


async def test_a_removed_container_ends_its_stream(containers: ContainerEngine, label: str) -> None:
    """The owner of a stream hears of its end, once, though nobody reads."""
    ends: list[str] = []
    started = await containers.start(a_spec(label))
    started.stream.on_end(lambda: ends.append("ended"))

    await containers.remove(started.container_id)

    async with asyncio.timeout(10):
        assert await started.stream.read() == b""
    assert started.stream.ended
    assert ends == ["ended"]
    with pytest.raises(EngineError):
        await started.stream.write(b"x")
    await started.stream.close()


async def test_letting_go_of_the_stream_ends_the_container(
    containers: ContainerEngine, label: str
) -> None:
    """The containers of a daemon that was killed stop by themselves."""
    started = await containers.start(a_spec(label))

    await started.stream.close()

    await eventually(
        lambda: states(containers, label), lambda seen: seen == ["exited"], within_s=10
    )
    assert "exited" in await containers.last_words(started.container_id)


async def test_removing_what_is_gone_is_harmless(containers: ContainerEngine, label: str) -> None:
    """A container may be removed once, twice, or by several at a time."""
    started = await containers.start(a_spec(label))
    await started.stream.close()

    await asyncio.gather(*(containers.remove(started.container_id) for _ in range(3)))
    await containers.remove(started.container_id)
    await containers.remove("no-such-container")

    assert await states(containers, label) == []
    assert await containers.last_words(started.container_id) == "removed"
