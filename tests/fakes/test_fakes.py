"""The fakes keep the promises of pool.engine, which the tests on both engines build on."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pool import ContainerSpec, EngineError, ImageMissingError
from runner.container.answer import Frame, Harvest, unpack
from runner.container.hand_over import hand_over
from runner.kata import Kata
from tests.fakes import FakeEngine, FakeImages, FakeStream, framed

NONCE = "0123456789abcdef"


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """One with an image, and nothing left in it at the end."""
    engine = FakeEngine()
    engine.images.add("gcc:1", {"/a": b"content", "/dir": b""})
    yield engine
    for container_id in list(engine.containers.there):
        await engine.containers.remove(container_id)


def spec_of(engine: FakeEngine, command: str = "bash", mark: bytes | None = None) -> ContainerSpec:
    """Of a container that the fake can run."""
    marks = {"bash": b"dojo-runner: ready\n", "ruby": b"dojo-runner traffic light ready\n"}
    return ContainerSpec(
        "gcc:1",
        engine.images.on_node["gcc:1"].image_id,
        (command,),
        marks[command] if mark is None else mark,
        "",
        labels={"key": "value"},
    )


async def ran(engine: FakeEngine, script: str, max_seconds: float = 5) -> tuple[Frame, Harvest]:
    """What a container answers to a kata."""
    stream = (await engine.containers.start(spec_of(engine))).stream
    await stream.write(hand_over(Kata("x", "gcc:1", max_seconds, {"cyber-dojo.sh": script}), NONCE))
    frame = Frame(NONCE)
    while not frame.is_complete:
        frame.feed(await stream.read())
    return frame, unpack(frame.archives())


# --- the stream ---


async def test_a_stream_tells_of_its_end_once() -> None:
    """At once if it has ended already; and reading gives nothing then."""
    ends: list[str] = []
    early, late = FakeStream("early"), FakeStream("late")
    early.on_end(lambda: ends.append("early"))
    early.end()
    early.end()
    late.end()
    late.on_end(lambda: ends.append("late"))

    assert ends == ["early", "late"]
    assert await early.read() == b""
    with pytest.raises(EngineError, match="the container has ended"):
        await early.write(b"x")


async def test_what_was_said_before_the_end_is_read() -> None:
    """All of it, by whoever reads next."""
    stream = FakeStream("x")
    stream.say(b"a")
    stream.say(b"b")
    stream.end()
    stream.say(b"too late")

    assert [await stream.read(), await stream.read()] == [b"ab", b""]


async def test_closing_a_stream_ends_the_programs_input() -> None:
    """As it does to a container whose stdin opens once."""
    engine = FakeEngine()
    engine.images.add("gcc:1")
    started = await engine.containers.start(spec_of(engine))
    await started.stream.close()
    await engine.containers.there[started.container_id].task

    assert started.stream.ended


# --- containers ---


async def test_a_started_container_is_listed_until_it_is_removed(engine: FakeEngine) -> None:
    """By its labels, in its state; removing it twice is harmless."""
    started = await engine.containers.start(spec_of(engine))
    (seen,) = await engine.containers.list_containers("key=value")
    assert (seen.container_id, seen.name, seen.state) == (
        started.container_id,
        started.name,
        "running",
    )

    await engine.containers.kill(started.container_id)
    (seen,) = await engine.containers.list_containers("key=value")
    assert (seen.state, started.stream.ended) == ("exited", True)
    assert "exited" in await engine.containers.last_words(started.container_id)

    await engine.containers.remove(started.container_id)
    await engine.containers.remove(started.container_id)
    assert await engine.containers.list_containers("key=value") == []
    assert await engine.containers.list_containers("key=other") == []


async def test_a_start_that_fails_leaves_nothing(engine: FakeEngine) -> None:
    """Whether the engine refuses it, the image is gone, or the wrong thing is printed."""
    good, absent = spec_of(engine), spec_of(engine)
    engine.containers.fail_next = [EngineError("start", "no space left")]
    with pytest.raises(EngineError, match="no space left"):
        await engine.containers.start(good)
    with pytest.raises(EngineError, match="running"):
        await engine.containers.start(spec_of(engine, mark=b"something else ready\n"[:19]))
    engine.images.remove("gcc:1")
    with pytest.raises(ImageMissingError):
        await engine.containers.start(absent)

    assert engine.containers.there == {}
    assert len(engine.containers.starts) == 3


async def test_a_start_can_be_kept_waiting(engine: FakeEngine) -> None:
    """And cancelled meanwhile, which leaves nothing either."""
    engine.containers.may_start.clear()
    starting = asyncio.create_task(engine.containers.start(spec_of(engine)))
    while not engine.containers.starts:  # noqa: ASYNC110
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting

    assert engine.containers.there == {}


async def test_failed_calls_are_told_of() -> None:
    """Once each, as the real client does; an absent image is no failure."""
    told: list[EngineError] = []
    engine = FakeEngine(told.append)
    failure = EngineError("start", "no")
    engine.images.add("gcc:1")
    engine.containers.fail_next = [failure]
    with pytest.raises(EngineError):
        await engine.containers.start(spec_of(engine))
    with pytest.raises(EngineError):
        await engine.images.pull("none:1")
    with pytest.raises(ImageMissingError):
        await engine.images.image("none:1")

    assert [error.operation for error in told] == ["start", "pull"]


# --- a kata ---


async def test_a_kata_is_run(engine: FakeEngine) -> None:
    """What it prints, its status and its files come back in the frame."""
    frame, harvest = await ran(engine, "echo out; echo err >&2; mkdir d; echo x >d/f; exit 3")

    assert (frame.timed_out, harvest.stdout, harvest.stderr, harvest.status) == (
        False,
        b"out\n",
        b"err\n",
        "3",
    )
    assert harvest.files[b"d/f"] == b"x\n"


async def test_large_files_are_cut_as_in_a_container(engine: FakeEngine) -> None:
    """To one byte more than a text may have, by their own names."""
    _, harvest = await ran(engine, "printf '%070000d' 0 | tee 'a b'; printf '%065536d' 0 >whole")

    assert len(harvest.stdout) == len(harvest.files[b"a b"]) == 51201
    assert (harvest.cut, len(harvest.files[b"whole"])) == ({b"a b"}, 65536)


async def test_a_kata_has_a_time_limit(engine: FakeEngine) -> None:
    """What it printed comes back; its whole group is gone, also what ignores TERM."""
    frame, harvest = await ran(
        engine, "trap '' TERM; sleep 1000 & echo $!; echo x >f; while :; do wait; done", 0.1
    )

    assert (frame.timed_out, harvest.status, harvest.files) == (True, None, {})
    assert not _runs(int(harvest.stdout))


async def test_a_kata_that_is_removed_ends(engine: FakeEngine, tmp_path: Path) -> None:
    """With its program."""
    pid = tmp_path / "pid"
    script = f"echo $$ >{pid}.new; mv {pid}.new {pid}; exec sleep 1000"
    started = await engine.containers.start(spec_of(engine))
    await started.stream.write(hand_over(Kata("x", "gcc:1", 60, {"cyber-dojo.sh": script}), NONCE))
    while not pid.exists():  # noqa: ASYNC110
        await asyncio.sleep(0)
    await engine.containers.remove(started.container_id)

    assert started.stream.ended
    assert not _runs(int(pid.read_text()))


async def test_an_answer_can_be_made_up(engine: FakeEngine) -> None:
    """A test may say anything in a container's place."""
    engine.kata.answer = lambda kata: framed(kata, b"", "timed_out")
    frame, harvest = await ran(engine, "echo out")

    assert (frame.timed_out, harvest) == (True, Harvest())


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


# --- the traffic light ---


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (b'colour 15\n{"status": "0"}', b'{"colour": "green"}'),
        (b'colour 15\n{"status": "1"}', b'{"colour": "red"}'),
        (b'colour 17\n{"status": "145"}', b'{"colour": "amber"}'),
        (b'hidden 44\n{"patterns": ["b$"], "names": ["ab", "bc"]}'.replace(b"44", b"43"),
         b'{"hidden": [0]}'),
    ],
)  # fmt: skip
async def test_the_light_answers_in_frames(
    engine: FakeEngine, question: bytes, answer: bytes
) -> None:
    """With the number of the question."""
    stream = (await engine.containers.start(spec_of(engine, "ruby"))).stream
    await stream.write(b"7 " + question)

    assert await stream.read() == b"7 %d\n%s" % (len(answer), answer)


# --- images ---


async def test_images_come_and_go() -> None:
    """Every change is told of, after a first word; the end of the telling, too."""
    images = FakeImages(lambda error: None)
    changes = images.image_changes()
    await anext(changes)
    images.add("gcc:1")
    await anext(changes)
    images.remove("gcc:1")
    await anext(changes)
    images.stop_listening()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)

    with pytest.raises(ImageMissingError):
        await images.image("gcc:1")


async def test_files_are_read_from_images(engine: FakeEngine) -> None:
    """What is absent, and what is too large, is None."""
    image_id = engine.images.on_node["gcc:1"].image_id
    found = await engine.images.read_files(image_id, ("/a", "/dir", "/none"), 7)
    small = await engine.images.read_files(image_id, ("/a",), 6)

    assert found == {"/a": b"content", "/dir": b"", "/none": None}
    assert small == {"/a": None}


async def test_a_pull_brings_what_the_registry_has() -> None:
    """When it may."""
    images, registry = FakeImages(lambda error: None), FakeImages(lambda error: None)
    images.in_registry["gcc:1"] = registry.add("gcc:1")
    images.may_pull.clear()
    pulling = asyncio.create_task(images.pull("gcc:1"))
    await asyncio.sleep(0)
    assert "gcc:1" not in images.on_node

    images.may_pull.set()
    await pulling

    assert images.on_node.keys() == {"gcc:1"}
