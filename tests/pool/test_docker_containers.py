"""The life of a container on the real engine.

What holds on the engine in memory, too, is in tests/fakes/test_engine_contract.py.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace

import pytest

from pool import (
    ContainerSpec,
    Delivery,
    DockerClient,
    DockerContainers,
    EngineError,
    ImageMissingError,
    Started,
)
from pool.settings import MIB

from .support import ECHO, a_spec

NO_BASH = "dojo-runner/no-bash:latest"


@pytest.fixture
async def label(docker_containers: DockerContainers) -> AsyncIterator[str]:
    """A label of this test's own, whose containers are removed at its end."""
    label = f"dojo-runner.test-{uuid.uuid4().hex}"
    yield label
    for one in await docker_containers.list_containers(f"{label}=1"):
        await docker_containers.remove(one.container_id)


@pytest.fixture(params=list(Delivery))
def spec(label: str, request: pytest.FixtureRequest) -> ContainerSpec:
    """The echo, over either delivery."""
    return a_spec(label, delivery=request.param)


async def states(containers: DockerContainers, label: str) -> list[str]:
    """The states of all containers that carry the label."""
    return [one.state for one in await containers.list_containers(f"{label}=1")]


async def discard(containers: DockerContainers, started: Started) -> None:
    """Close the stream of a container that was started, and remove it."""
    await started.stream.close()
    await containers.remove(started.container_id)


async def read_exactly(started: Started, size: int) -> bytes:
    """So many bytes of the container's output."""
    said = bytearray()
    async with asyncio.timeout(20):
        while len(said) < size and (more := await started.stream.read()):
            said += more
    return bytes(said)


# The real engine: a start


@pytest.mark.docker
async def test_what_a_warm_up_keeps_in_memory_is_weighed(
    docker_containers: DockerContainers, label: str
) -> None:
    """Files in /dev/shm count as well as what processes have."""
    fills = "head -c 20971520 /dev/zero >/dev/shm/kept; " + ECHO
    spec = replace(a_spec(label, fills), warm_up=("hook",))

    started = await docker_containers.start(spec)

    assert 20 * MIB < started.memory_bytes < 60 * MIB
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_a_started_container_waits_and_answers(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """After its ready mark a container answers what is written to it, over either delivery."""
    started = await docker_containers.start(spec)

    await started.stream.write(b"hello")

    assert await read_exactly(started, 5) == b"hello"
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_many_megabytes_go_both_ways(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """Nothing of many megabytes is lost, in either direction."""
    data = bytes(range(256)) * 20_000
    started = await docker_containers.start(spec)

    writing = asyncio.create_task(started.stream.write(data))
    received = await read_exactly(started, len(data))
    await writing

    assert received == data
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_one_that_ends_before_its_ready_mark_says_why(
    docker_containers: DockerContainers, label: str
) -> None:
    """The error has the container's own complaints, and the engine's words for its end."""
    with pytest.raises(EngineError) as caught:
        await docker_containers.start(a_spec(label, "echo no such tool >&2; exit 3"))

    assert caught.value.operation == "start"
    assert caught.value.message == "no such tool; exited (3)"
    assert await states(docker_containers, label) == []


@pytest.mark.docker
@pytest.mark.parametrize("delivery", list(Delivery))
async def test_an_image_without_bash_says_so(
    docker_containers: DockerContainers, label: str, delivery: Delivery
) -> None:
    """The error names the program that is missing, over either delivery."""
    spec = replace(
        a_spec(label, delivery=delivery),
        image=NO_BASH,
        image_id=NO_BASH,
        holder=("/bin/sleep", "9"),
    )

    with pytest.raises(EngineError) as caught:
        await docker_containers.start(spec)

    if delivery is Delivery.ATTACH:
        assert "exec bash failed: No such file or directory" in caught.value.message
    else:
        assert "bash" in caught.value.message
        assert "executable file not found" in caught.value.message
    assert await states(docker_containers, label) == []


@pytest.mark.docker
async def test_a_user_that_is_not_there_is_the_engines_error(
    docker_containers: DockerContainers, label: str
) -> None:
    """A user's name that the image does not know fails the start, in the engine's words."""
    with pytest.raises(EngineError, match="unable to find user nobody-at-all"):
        await docker_containers.start(replace(a_spec(label), user="nobody-at-all"))

    assert await states(docker_containers, label) == []


@pytest.mark.docker
async def test_a_missing_image_is_an_answer_of_its_own(
    docker_containers: DockerContainers, label: str, engine_errors: list[EngineError]
) -> None:
    """A missing image has an error of its own; no container is made, and nothing is reported."""
    before = len(engine_errors)

    with pytest.raises(ImageMissingError):
        await docker_containers.start(replace(a_spec(label), image_id="nosuch/image:1"))

    assert len(engine_errors) == before
    assert await states(docker_containers, label) == []


@pytest.mark.docker
@pytest.mark.parametrize("delivery", list(Delivery))
async def test_a_cancelled_start_leaves_nothing(
    docker_containers: DockerContainers, label: str, delivery: Delivery
) -> None:
    """A start that is cancelled, at any time before its ready mark, leaves no container."""
    spec = a_spec(label, delivery=delivery)
    for delay_s in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.35):
        task = asyncio.create_task(docker_containers.start(spec))
        await asyncio.wait((task,), timeout=delay_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await discard(docker_containers, await task)

    await docker_containers.close()
    assert await states(docker_containers, label) == []
    # One more, to its end: whatever the engine had been asked for before is done by now.
    await discard(docker_containers, await docker_containers.start(spec))
    assert await states(docker_containers, label) == []


# The real engine: an end


@pytest.mark.docker
async def test_a_killed_container_ends_its_stream(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """The death of a container ends its stream, though nobody reads from it."""
    ended = asyncio.Event()
    started = await docker_containers.start(spec)
    started.stream.on_end(ended.set)

    await docker_containers.remove(started.container_id)

    async with asyncio.timeout(10):
        await ended.wait()
    assert await started.stream.read() == b""
    await started.stream.close()


@pytest.mark.docker
@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("exit 7", "exited (7)"),
        ("kill -KILL $$", "exited (137)"),
        ("exec python3 -c 'x = b\"x\" * 10**9'", "exited (137), out of memory"),
    ],
)
async def test_last_words_say_how_it_ended(
    docker_containers: DockerContainers, label: str, order: str, words: str
) -> None:
    """Last words tell the status, and whether memory was the reason."""
    spec = replace(a_spec(label, 'echo READY; read -r order; eval "$order"'), pids=0)
    started = await docker_containers.start(spec)

    await started.stream.write(f"{order}\n".encode())
    assert await read_exactly(started, 1) == b""

    assert await docker_containers.last_words(started.container_id) == words
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_a_removed_one_has_no_last_words(docker_containers: DockerContainers) -> None:
    """The last words of a container that is gone are only that it was removed."""
    assert await docker_containers.last_words("no-such-container") == "removed"


@pytest.mark.docker
async def test_complaints_are_bounded(docker_containers: DockerContainers, label: str) -> None:
    """4 KiB of a megabyte on stderr are kept, and stdout is not held up."""
    complain = "head -c 1000000 /dev/zero | tr '\\0' x >&2"
    script = f"echo READY; read -r go; {complain}; echo done; exec cat"
    started = await docker_containers.start(a_spec(label, script))

    await started.stream.write(b"go\n")
    assert await read_exactly(started, 5) == b"done\n"

    assert started.stream.complaints == "x" * 4096
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_a_flood_that_nobody_reads_waits_in_the_container(
    docker_containers: DockerContainers, label: str
) -> None:
    """A program that writes 100 MB waits until somebody reads, and then ends."""
    script = "echo READY; read -r go; head -c 100000000 /dev/zero; exit 5"
    started = await docker_containers.start(a_spec(label, script))

    await started.stream.write(b"go\n")
    # Asking for its last words gives it a second to end.
    assert await docker_containers.last_words(started.container_id) == "running (0)"
    received = await read_exactly(started, 200_000_000)

    assert received == bytes(100_000_000)
    await discard(docker_containers, started)


@pytest.mark.docker
async def test_more_than_a_hundred_streams_at_once(
    docker_client: DockerClient, docker_containers: DockerContainers, label: str
) -> None:
    """Beside 110 attached connections the engine is still asked, and answers."""
    started = await docker_containers.start(a_spec(label))
    container = docker_client.docker.containers.container(started.container_id)
    held = [container.attach(stdout=True) for _ in range(110)]
    for one in held:
        async with asyncio.timeout(10):
            await one.__aenter__()

    assert await states(docker_containers, label) == ["running"]

    for one in held:
        await one.close()
    await discard(docker_containers, started)
