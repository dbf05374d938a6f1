"""Many runs in one container, each in a cell of its own: no trace of one is in the next."""

import asyncio
import errno
import re
import statistics
import time
from dataclasses import replace
from pathlib import Path

import pytest

from runner.cells.lockdown import MASKED, READ_ONLY
from runner.container.profile import Home
from tests.runner.cells.support import (
    PLANT,
    PROBE,
    PROBE_S,
    CellContainer,
    Engine,
    cell_container,
    probing,
    report_of,
    single_use,
)
from tests.runner.katas import harvest_of, kata

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"
MINIMAL = "dojo-runner/minimal:latest"
MUSL = "dojo-runner/musl:latest"
GCC = "dojo-runner/gcc:latest"
NO_USER = "dojo-runner/no-user:latest"
TOOLED = "dojo-runner/tooled-home:latest"

MIB = 1024 * 1024


class TestRuns:
    """What a learner gets from a cell."""

    @pytest.mark.parametrize(
        ("image", "home"),
        [
            *((image, Home.TMPFS) for image in (PYTHON, BUSYBOX, MUSL, MINIMAL, GCC, NO_USER)),
            (TOOLED, Home.COPIED),
        ],
    )
    async def test_any_userland(self, engine: Engine, image: str, home: Home) -> None:
        """On any userland both outputs, the status and the files are returned, run after run."""
        spec = single_use(image, home)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            for number in range(3):
                script = f"echo {number}; echo err >&2; echo x >new; echo x >~/x; exit {number}"
                harvest = await container.run(kata(image, script))

                assert (harvest.stdout, harvest.stderr) == (f"{number}\n".encode(), b"err\n")
                assert (harvest.status, harvest.files[b"new"]) == (str(number), b"x\n")

    async def test_a_large_kata(self, engine: Engine) -> None:
        """A cell takes a hand-over, and gives an answer, that no pipe holds at once."""
        large = "0123456789abcdef" * (4 * MIB // 16)
        async with cell_container(engine.containers, engine.launcher, single_use(BUSYBOX)) as one:
            harvest = await one.run(kata(BUSYBOX, "cat large >copy", {"large": large}))

            assert harvest.files[b"copy"] == large.encode()
            assert (await one.run(kata(BUSYBOX, "echo next"))).stdout == b"next\n"

    async def test_a_tooled_home_is_writable_and_new_each_time(self, engine: Engine) -> None:
        """Tools work and can be changed; the next run finds them as the image has them."""
        script = (
            "~/.tools/bin/greet >/dev/null && echo works; ls ~/left; rm -rf ~/.tools; echo >~/left"
        )
        spec = single_use(TOOLED, Home.COPIED)
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            for _ in range(2):
                assert (await container.run(kata(TOOLED, script))).stdout == b"works\n"

    async def test_more_folders_can_be_made_writable(self, engine: Engine) -> None:
        """Any folder of the image but its root can be made writable."""
        script = "ls /usr/local; touch /usr/local/new && echo written"
        spec = single_use(PYTHON)
        async with cell_container(engine.containers, engine.launcher, spec, "/usr/local") as one:
            first, second = [await one.run(kata(PYTHON, script)) for _ in range(2)]

        assert first.stdout == second.stdout
        assert first.stdout.endswith(b"written\n")

    async def test_what_it_cost(self, engine: Engine, capsys: pytest.CaptureFixture[str]) -> None:
        """What cells cost is printed beside a container for each run; both have to work."""
        spec, true = single_use(PYTHON), kata(PYTHON, "true")
        began_s, busy_s = time.perf_counter(), _busy_s()
        for _ in range(5):
            assert (await harvest_of(engine.containers, spec, true)).status == "0"
        alone = (time.perf_counter() - began_s) / 5, (_busy_s() - busy_s) / 5
        answers_s = []
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            began_s, busy_s = time.perf_counter(), _busy_s()
            for _ in range(50):
                asked_s = time.perf_counter()
                assert (await container.answer_of(true)).status == "0"
                answers_s.append(time.perf_counter() - asked_s)
                await container.until_ready()
            cells = (time.perf_counter() - began_s) / 50, (_busy_s() - busy_s) / 50
        with capsys.disabled():
            print()  # noqa: T201 - figures for whoever runs it
            for name, (wall_s, cpu_s) in (("a container", alone), ("a cell", cells)):
                figures = f"{wall_s * 1e3:.1f} ms, {cpu_s * 1e3:.1f} ms CPU of this machine"
                print(f"{name} for each run: {figures}")  # noqa: T201
            median_ms = statistics.median(answers_s) * 1e3
            print(f"an answer from a cell: {median_ms:.1f} ms (median)")  # noqa: T201


def _busy_s() -> float:
    """The processor time of this whole machine, as the engine's work is in it."""
    with Path("/proc/stat").open() as file:
        user, nice, system, _, _, irq, soft_irq = map(int, file.readline().split()[1:8])
    return (user + nice + system + irq + soft_irq) / 100


class TestNothingSurvives:
    """The second run in a container sees what the first run of another container sees."""

    async def test_whatever_was_planted(self, engine: Engine) -> None:
        """After a program that left all it could the whole report of the probe is that
        of a fresh cell.
        """
        spec = single_use(PYTHON)
        script = "python3 plant.py; python3 plant.py 2>&1; echo $?"
        planting = kata(PYTHON, script, PLANT, seconds=30)
        async with (
            cell_container(engine.containers, engine.launcher, spec) as fresh,
            cell_container(engine.containers, engine.launcher, spec) as used,
        ):
            planted = await used.run(planting)
            first, second = await fresh.run(probing(PYTHON)), await used.run(probing(PYTHON))

        assert planted.stdout == b"0\n"
        expected, seen = report_of(first), report_of(second)
        for section in expected:
            names = expected[section].keys() | seen[section].keys()
            assert {
                name: (expected[section].get(name), seen[section].get(name))
                for name in names
                if expected[section].get(name) != seen[section].get(name)
            } == {}

    async def test_the_plants_are_seen_where_they_grow(self, engine: Engine) -> None:
        """Within the same run the probe sees what was planted, so it would see what survived."""
        harvest = await harvest_of(
            engine.containers,
            single_use(PYTHON),
            kata(
                PYTHON,
                "python3 plant.py; python3 -m probe",
                PLANT | PROBE,
                seconds=PROBE_S,
            ),
        )
        values = report_of(harvest)["values"]

        assert "planted" in values["names /tmp"]
        assert "planted" in values["names /dev/mqueue"]
        assert len(values["content /proc/sysvipc/shm"].splitlines()) > 20
        assert int(values["processes"]) > 5

    async def test_a_hundred_runs(self, engine: Engine) -> None:
        """After a hundred runs there are no more processes, memory and descriptors than before."""
        # Of one image, so that its page cache is warm; the number of the pipe is the kernel's.
        script = "echo /proc/[0-9]*; ulimit -n; ulimit -u; echo ~/* /tmp/*"
        async with cell_container(
            engine.containers, engine.launcher, single_use(BUSYBOX)
        ) as container:
            printed = {(await container.run(kata(BUSYBOX, script))).stdout for _ in range(100)}

        assert len(printed) == 1


async def test_all_that_this_engine_masks_is_masked(engine: Engine) -> None:
    """Whatever this engine masks is on our list, so a newer engine's additions are noticed."""
    container = await engine.client.docker.containers.create(single_use(BUSYBOX).create_body())
    try:
        host = (await container.show())["HostConfig"]
    finally:
        await container.delete(v=True)

    assert {re.sub(r"/cpu\d+/", "/cpu*/", path) for path in host["MaskedPaths"]} <= {*MASKED}
    assert {*host["ReadonlyPaths"]} <= {*READ_ONLY}


async def test_a_mask_for_each_processor(engine: Engine) -> None:
    """What a star in the list names is masked wherever it is."""
    spec = engine.launcher.spec_of(single_use(BUSYBOX))
    launcher, *words = spec.command
    command = (launcher, "--mask", "/sys/devices/system/cpu/cpu*/topology", *words)
    started = await engine.containers.start(replace(spec, command=command))
    try:
        script = (
            "cd /sys/devices/system/cpu; echo cpu*/topology/* | wc -w; ls -d cpu*/topology | wc -l"
        )
        harvest = await CellContainer(started).run(kata(BUSYBOX, script))
    finally:
        await started.stream.close()
        await engine.containers.remove(started.container_id)

    masked, there = map(int, harvest.stdout.split())
    assert (masked, there > 0) == (1, True)


FOREIGN_CALLS = r"""cat >foreign.c <<'END'
#include <errno.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  long i386 = 0, x32;
  __asm__ volatile("int $0x80" : "=a"(i386) : "a"(20) : "memory"); /* getpid */
  x32 = syscall(0x40000000 | 39);
  printf("%ld %ld %d\n", i386, x32, errno);
}
END
gcc -o foreign foreign.c && ./foreign"""


async def test_calls_of_other_architectures_are_refused(engine: Engine) -> None:
    """Neither i386's nor x32's numbers are a way around the filter of system calls."""
    spec = single_use(GCC)
    async with cell_container(engine.containers, engine.launcher, spec) as container:
        harvest = await container.run(kata(GCC, FOREIGN_CALLS))

    i386, x32, error = map(int, harvest.stdout.split())
    assert i386 < 0  # by the filter, or by a kernel that has no calls of i386
    assert (x32, error) == (-1, errno.ENOSYS)


async def test_containers_side_by_side(engine: Engine) -> None:
    """Containers that run side by side each have their own cells."""
    spec = single_use(BUSYBOX)

    async def serve(name: int) -> set[bytes]:
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            script = f"echo {name}"
            return {(await container.run(kata(BUSYBOX, script))).stdout for _ in range(5)}

    assert list(await asyncio.gather(serve(1), serve(2))) == [{b"1\n"}, {b"2\n"}]
