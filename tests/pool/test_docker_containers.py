"""The life of a container on the real engine, and on one that has a bad day.

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

ECHO = "echo READY; exec cat"
NO_BASH = "dojo-runner/no-bash:latest"
PYTHON = "dojo-runner/python-pytest:latest"


def a_spec(
    label: str = "", script: str = ECHO, delivery: Delivery = Delivery.ATTACH
) -> ContainerSpec:
    """A container that runs that script and then does as it is told."""
    return ContainerSpec(
        image=PYTHON,
        image_id=PYTHON,
        command=("bash", "-c", script),
        ready_mark=b"READY\n",
        user="41966:51966",
        delivery=delivery,
        holder=("sleep", "600"),
        holder_user="65534:65534",
        labels={label: "1"} if label else {},
        memory_bytes=256 * 1024 * 1024,
        pids=64,
    )


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
    """Of all containers that carry the label."""
    return [one.state for one in await containers.list_containers(f"{label}=1")]


async def let_go(containers: DockerContainers, started: Started) -> None:
    """The end of a container that was started."""
    await started.stream.close()
    await containers.remove(started.container_id)


async def read_exactly(started: Started, size: int) -> bytes:
    """That many bytes of what it says."""
    said = bytearray()
    async with asyncio.timeout(20):
        while len(said) < size and (more := await started.stream.read()):
            said += more
    return bytes(said)


# The real engine: a start


@pytest.mark.docker
async def test_a_started_container_waits_and_answers(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """After its ready mark it answers what is written to it, over either delivery."""
    started = await docker_containers.start(spec)

    await started.stream.write(b"hello")

    assert await read_exactly(started, 5) == b"hello"
    await let_go(docker_containers, started)


@pytest.mark.docker
async def test_many_megabytes_go_both_ways(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """Nothing is lost however much there is."""
    data = bytes(range(256)) * 20_000
    started = await docker_containers.start(spec)

    writing = asyncio.create_task(started.stream.write(data))
    received = await read_exactly(started, len(data))
    await writing

    assert received == data
    await let_go(docker_containers, started)


@pytest.mark.docker
async def test_one_that_ends_before_its_ready_mark_says_why(
    docker_containers: DockerContainers, label: str
) -> None:
    """Its own complaints, and how the engine says that it ended."""
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
    """In words that name what is missing, over either delivery."""
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
    """A name that the image does not know."""
    with pytest.raises(EngineError, match="unable to find user nobody-at-all"):
        await docker_containers.start(replace(a_spec(label), user="nobody-at-all"))

    assert await states(docker_containers, label) == []


@pytest.mark.docker
async def test_a_missing_image_is_an_answer_of_its_own(
    docker_containers: DockerContainers, label: str, engine_errors: list[EngineError]
) -> None:
    """Nothing was made, and nothing is reported."""
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
    """Whenever it is cancelled, from the create to the ready mark."""
    spec = a_spec(label, delivery=delivery)
    for delay_s in (0, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.15, 0.25, 0.35):
        task = asyncio.create_task(docker_containers.start(spec))
        await asyncio.wait((task,), timeout=delay_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await let_go(docker_containers, await task)

    await docker_containers.close()
    assert await states(docker_containers, label) == []
    # One more, to its end: whatever the engine had been asked for before is done by now.
    await let_go(docker_containers, await docker_containers.start(spec))
    assert await states(docker_containers, label) == []


# The real engine: an end


@pytest.mark.docker
async def test_a_killed_container_ends_its_stream(
    docker_containers: DockerContainers, spec: ContainerSpec
) -> None:
    """Its death is noticed though nobody reads."""
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
    """The status, and whether memory was the reason."""
    spec = replace(a_spec(label, 'echo READY; read -r order; eval "$order"'), pids=0)
    started = await docker_containers.start(spec)

    await started.stream.write(f"{order}\n".encode())
    assert await read_exactly(started, 1) == b""

    assert await docker_containers.last_words(started.container_id) == words
    await let_go(docker_containers, started)


@pytest.mark.docker
async def test_a_removed_one_has_no_last_words(docker_containers: DockerContainers) -> None:
    """Nobody need know why a container that is gone is gone."""
    assert await docker_containers.last_words("no-such-container") == "removed"


@pytest.mark.docker
async def test_complaints_are_bounded(docker_containers: DockerContainers, label: str) -> None:
    """Of a megabyte over stderr 4 KiB are kept, and stdout is not held up."""
    complain = "head -c 1000000 /dev/zero | tr '\\0' x >&2"
    script = f"echo READY; read -r go; {complain}; echo done; exec cat"
    started = await docker_containers.start(a_spec(label, script))

    await started.stream.write(b"go\n")
    assert await read_exactly(started, 5) == b"done\n"

    assert started.stream.complaints == "x" * 4096
    await let_go(docker_containers, started)


@pytest.mark.docker
async def test_a_flood_that_nobody_reads_waits_in_the_container(
    docker_containers: DockerContainers, label: str
) -> None:
    """The writer is held up before 100 MB, and ends as soon as somebody reads."""
    script = "echo READY; read -r go; head -c 100000000 /dev/zero; exit 5"
    started = await docker_containers.start(a_spec(label, script))

    await started.stream.write(b"go\n")
    # Asking for its last words gives it a second to end.
    assert await docker_containers.last_words(started.container_id) == "running (0)"
    received = await read_exactly(started, 200_000_000)

    assert received == bytes(100_000_000)
    await let_go(docker_containers, started)


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
    await let_go(docker_containers, started)


# An engine that has a bad day


@pytest.fixture
def containers(client: DockerClient) -> DockerContainers:
    """Containers of the scripted engine."""
    return DockerContainers(client)


CREATED = {"Id": "c1", "Warnings": []}
EXITED = {"State": {"Status": "exited", "ExitCode": 1, "Error": "boom"}, "Config": {"Tty": False}}
READY = frame(STDOUT, b"READY\n")


def healthy(dockerd: FakeDockerd, attached: Answer) -> None:
    """All goes well but for what comes over the stream, and no removal is forgotten."""
    dockerd.on("POST /containers/create", answer(CREATED, 201))
    dockerd.on("GET /containers/c1/json", answer(EXITED))
    dockerd.on("POST /containers/c1/attach", attached)
    dockerd.on("POST /containers/c1/start", answer({}, 204))
    dockerd.on("POST /containers/c1/wait", answer({"StatusCode": 1}))


def removals(dockerd: FakeDockerd) -> int:
    """How often the engine was asked to remove what was being started."""
    return sum(request.startswith("DELETE /containers/dojo-") for request in dockerd.asked)


async def test_a_mark_in_pieces_is_a_mark(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """However the engine cuts it."""
    healthy(dockerd, upgraded(frame(STDOUT, b"REA"), frame(STDOUT, b"DY\n")))

    started = await containers.start(a_spec())

    assert started.container_id == "c1"
    await started.stream.close()


async def test_a_mark_and_more_is_no_mark(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """What waits for its run has nothing more to say."""
    healthy(dockerd, upgraded(frame(STDOUT, b"READY\nand more")))

    with pytest.raises(EngineError, match="and more") as caught:
        await containers.start(a_spec())

    assert reported == [caught.value]


async def test_a_start_on_an_engine_that_never_answers(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """A caller's own deadline ends the wait; what was begun is undone behind it."""
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


async def _asked(dockerd: FakeDockerd, request: str) -> bool:
    return request in dockerd.asked


BROKEN_STEPS: dict[str, tuple[str, Answer, str]] = {
    "create": ("POST /containers/create", answer({"message": "no space left"}, 500), "no space"),
    "create without an id": ("POST /containers/create", answer({}, 201), "Id"),
    "attach": ("POST /containers/c1/attach", answer({"message": "not now"}, 409), "not now"),
    "attach without upgrade": ("POST /containers/c1/attach", answer({}), "Cannot upgrade"),
    "attach torn down": ("POST /containers/c1/attach", reset, "Cannot connect"),
    "start": ("POST /containers/c1/start", answer({"message": "cgroup limit"}, 500), "cgroup"),
    "start torn down": ("POST /containers/c1/start", reset, "Cannot connect"),
}


@pytest.mark.parametrize("step", BROKEN_STEPS.values(), ids=BROKEN_STEPS)
async def test_a_step_that_fails_is_one_error_and_undone(
    dockerd: FakeDockerd,
    containers: DockerContainers,
    reported: list[EngineError],
    step: tuple[str, Answer, str],
) -> None:
    """One error with the engine's words, one report of it, and one removal."""
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
    """With the container's complaints and the engine's words."""
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
    """Both failures are reported; the one that came first is raised."""
    healthy(dockerd, upgraded(frame(STDOUT, b"GARBAGE")))

    with pytest.raises(EngineError, match="GARBAGE"):
        await containers.start(a_spec())

    assert [error.operation for error in reported] == ["ready"]  # 404: it is gone, which is fine


@pytest.mark.parametrize("status", [204, 404, 409])
async def test_what_is_gone_or_going_counts_as_removed(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError], status: int
) -> None:
    """No such container, or somebody removes it already: that is what was wanted."""
    dockerd.on("DELETE /containers/c1", answer({"message": "in progress"}, status))

    await containers.remove("c1")

    assert not reported


async def test_a_removal_that_fails_is_an_error(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """With the engine's words, once."""
    dockerd.on("DELETE /containers/c1", answer({"message": "device is busy"}, 500))

    with pytest.raises(EngineError, match="device is busy") as caught:
        await containers.remove("c1")

    assert caught.value.operation == "remove"
    assert reported == [caught.value]


async def test_one_whose_removal_is_under_way_is_listed_without_a_name(
    dockerd: FakeDockerd, containers: DockerContainers
) -> None:
    """The engine forgets a name before it forgets its container."""
    dying = {"Id": "c1", "Names": [], "State": "removing", "Labels": {"a": "1"}}
    dockerd.on("GET /containers/json", answer([dying]))

    (seen,) = await containers.list_containers("a=1")

    assert (seen.container_id, seen.name, seen.state) == ("c1", "", "removing")


@pytest.mark.parametrize("more", [{"Created": 1_700_000_000}, {}])
async def test_when_it_was_created_is_in_the_list(
    dockerd: FakeDockerd, containers: DockerContainers, more: dict[str, int]
) -> None:
    """In Unix time, as the engine says it; None where it does not."""
    listed = {"Id": "c1", "Names": ["/one"], "State": "created", "Labels": {"a": "1"}, **more}
    dockerd.on("GET /containers/json", answer([listed]))

    (seen,) = await containers.list_containers("a=1")

    assert seen.created_s == more.get("Created")


async def test_a_list_of_another_shape_is_an_error(
    dockerd: FakeDockerd, containers: DockerContainers, reported: list[EngineError]
) -> None:
    """What is no list of containers is the engine's failure, not ours."""
    dockerd.on("GET /containers/json", answer({"message": "hello"}))

    with pytest.raises(EngineError) as caught:
        await containers.list_containers("a=1")

    assert reported == [caught.value]
