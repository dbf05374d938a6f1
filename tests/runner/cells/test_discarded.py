"""What ends a container of cells, and which reason is given."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pool import ContainerSpec, EngineError
from runner.container.hand_over import hand_over_to_cell
from tests.runner.cells.support import Engine, UnfitError, cell_container, single_use
from tests.runner.katas import kata
from tests.waiting import eventually

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"
NO_BASH = "dojo-runner/no-bash:latest"

MIB = 1024 * 1024

BOMB = """python3 - <<'END'
import os, signal
try:
    while True:
        if os.fork() == 0:
            signal.pause()
except OSError:
    os._exit(3)
END"""


def _as_other_containers(spec: ContainerSpec) -> ContainerSpec:
    """With the engine's own list of system calls, which has none for namespaces."""
    options = (word for word in spec.security_opt if not word.startswith("seccomp="))
    return replace(spec, security_opt=tuple(options))


def _masked_by_the_engine(spec: ContainerSpec) -> ContainerSpec:
    return replace(spec, masked_paths=None)


class TestDiscarded:
    """What ends a container of cells, and which reason is given."""

    @pytest.mark.parametrize(
        ("script", "seconds", "status", "reason"),
        [
            ("sleep 9", 0.3, None, "the run timed out"),
            (BOMB, 10, "3", "out of processes"),
            ("python3 -c '[1] * (50 << 20)'; exit 4", 10, "4", "out of memory"),
        ],
        ids=["time", "processes", "memory"],
    )
    async def test_after_the_answer(
        self, engine: Engine, script: str, seconds: float, status: str | None, reason: str
    ) -> None:
        """A run may spoil its container after its answer: the learner has the answer,
        nobody gets another.
        """
        spec = replace(single_use(PYTHON), memory_bytes=100 * MIB)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            harvest = await container.answer_of(kata(PYTHON, script, seconds=seconds))
            with pytest.raises(UnfitError, match=reason):
                await container.until_ready()

        assert (harvest.status or "").strip() in ({status} if status else {""})

    @pytest.mark.parametrize(
        ("leave", "what"),
        [("sleep 60 & ", "processes"), ("head -c 8M /dev/zero >/dev/shm/left; ", "memory")],
    )
    async def test_what_was_not_there_at_birth(self, engine: Engine, leave: str, what: str) -> None:
        """A container in which `docker exec` left a process or files is found out and discarded."""
        async with cell_container(
            engine.containers, engine.launcher, single_use(PYTHON)
        ) as container:
            async with engine.client.call("exec", 10) as docker:
                inside = docker.containers.container(container.started.container_id)
                left = await inside.exec(["bash", "-c", f"{leave}echo left"])
                async with left.start(detach=False) as output:
                    said = await output.read_out()
            assert said is not None
            assert said.data == b"left\n"

            assert (await container.answer_of(kata(PYTHON, "echo out"))).stdout == b"out\n"
            with pytest.raises(UnfitError, match=f"left something behind: {what}"):
                await container.until_ready()

    async def test_an_answer_that_was_torn(self, engine: Engine) -> None:
        """A program that kills our script takes the container with it."""
        spec = single_use(PYTHON)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            with pytest.raises(UnfitError, match="the answer has no end"):
                await container.run(kata(PYTHON, "kill -KILL 2"))

    async def test_two_hand_overs_at_once(self, engine: Engine) -> None:
        """No cell is given what is not its own, not even by mistake."""
        twice = hand_over_to_cell(kata(BUSYBOX, "cat")) * 2
        spec = single_use(BUSYBOX)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            await container.send(twice)
            with pytest.raises(UnfitError, match="not as long as it says"):
                await container.run(kata(BUSYBOX, "true"))

    async def test_a_launcher_of_another_version(self, engine: Engine) -> None:
        """A launcher of another protocol version does not start, and says why."""
        spec = engine.launcher.spec_of(single_use(BUSYBOX))
        launcher, _, _, *words = spec.command
        for version in (("--protocol", "1"), ()):
            command = (launcher, *version, *words)
            with pytest.raises(EngineError, match="this is the launcher of protocol 4"):
                await engine.containers.start(replace(spec, command=command))

    async def test_an_image_without_bash(self, engine: Engine) -> None:
        """A container whose image has no bash does not start, and says why."""
        spec = engine.launcher.spec_of(single_use(NO_BASH))
        with pytest.raises(EngineError, match="exec bash failed: No such file or directory"):
            await engine.containers.start(spec)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            (_as_other_containers, "no cell: Operation not permitted"),
            (_masked_by_the_engine, "mounting /proc: Operation not permitted"),
        ],
        ids=["namespaces", "proc"],
    )
    async def test_an_engine_that_forbids_cells(
        self, engine: Engine, change: Callable[[ContainerSpec], ContainerSpec], reason: str
    ) -> None:
        """Where namespaces or a fresh /proc are refused no container starts, and the
        error says why.
        """
        spec = change(engine.launcher.spec_of(single_use(BUSYBOX)))
        with pytest.raises(EngineError, match=reason):
            await engine.containers.start(spec)

    @pytest.mark.parametrize("script", ["", "sleep 60"], ids=["waiting", "running"])
    async def test_a_daemon_that_went_away(self, engine: Engine, script: str) -> None:
        """When the daemon's end of the stream closes the container ends."""
        spec = single_use(PYTHON)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            if script:
                await container.send(hand_over_to_cell(kata(PYTHON, script, seconds=60)))
            await container.started.stream.close()

            async def words() -> str:
                return await engine.containers.last_words(container.started.container_id)

            await eventually(words, lambda said: said.startswith("exited"))
