"""The kata container in memory runs programs, and packs what a real one would."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pool import ContainerSpec
from runner.container.answer import Frame, Harvest, unpack
from runner.container.hand_over import hand_over
from runner.kata import Kata
from tests.fakes import FakeEngine, framed

NONCE = "0123456789abcdef"


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    """An engine with one image; the test's containers are removed from it."""
    engine = FakeEngine()
    engine.images.add("gcc:1")
    yield engine
    for container_id in list(engine.containers.present):
        await engine.containers.remove(container_id)


def spec_of(engine: FakeEngine) -> ContainerSpec:
    """A kata container, as the fake engine can run it."""
    image_id = engine.images.on_node["gcc:1"].image_id
    return ContainerSpec("gcc:1", image_id, ("bash",), b"dojo-runner: ready\n", "")


async def ran(engine: FakeEngine, script: str, max_seconds: float = 5) -> tuple[Frame, Harvest]:
    """The frame and the files that a container answers to a kata."""
    stream = (await engine.containers.start(spec_of(engine))).stream
    await stream.write(hand_over(Kata("x", "gcc:1", max_seconds, {"cyber-dojo.sh": script}), NONCE))
    frame = Frame(NONCE)
    while not frame.is_complete:
        frame.feed(await stream.read())
    return frame, unpack(frame.archives())


async def test_a_kata_is_run(engine: FakeEngine) -> None:
    """What a program prints, its status and its files are returned in the frame."""
    frame, harvest = await ran(engine, "echo out; echo err >&2; mkdir d; echo x >d/f; exit 3")

    assert (frame.timed_out, harvest.stdout, harvest.stderr, harvest.status) == (
        False,
        b"out\n",
        b"err\n",
        "3",
    )
    assert harvest.files[b"d/f"] == b"x\n"


async def test_large_files_are_cut_as_in_a_container(engine: FakeEngine) -> None:
    """Large files are returned cut to one byte more than a text may have, by their own names."""
    _, harvest = await ran(engine, "printf '%070000d' 0 | tee 'a b'; printf '%065536d' 0 >whole")

    assert len(harvest.stdout) == len(harvest.files[b"a b"]) == 51201
    assert (harvest.cut, len(harvest.files[b"whole"])) == ({b"a b"}, 65536)


async def test_a_kata_has_a_time_limit(engine: FakeEngine) -> None:
    """The output until the time limit is returned, and the program's whole group is
    gone, deaf to TERM or not.
    """
    frame, harvest = await ran(
        engine, "trap '' TERM; sleep 1000 & echo $!; echo x >f; while :; do wait; done", 0.1
    )

    assert (frame.timed_out, harvest.status, harvest.files) == (True, None, {})
    assert not _runs(int(harvest.stdout))


async def test_a_kata_that_is_removed_ends(engine: FakeEngine, tmp_path: Path) -> None:
    """Removing a container ends the program in it."""
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
