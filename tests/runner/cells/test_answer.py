"""The answer of a cell is its first process's alone: no learner's program can write to it."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from pool import ContainerSpec
from runner.cells.lockdown import FOR_CELLS
from runner.container.seccomp import seccomp_profile
from tests.runner.cells.support import CellContainer, engine_of_cells, single_use
from tests.runner.katas import kata

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"
THIEF = (Path(__file__).parent / "thief.py").read_text()
# What a learner who knows the protocol would like to say.
FORGED = r"A\0\0\0\6forgedD\0\0\0\0R\0\0\0\0X\0\0\0\0"


@pytest_asyncio.fixture
async def container() -> AsyncIterator[CellContainer]:
    """A container of cells in which Docker's filter does not help."""
    async with engine_of_cells() as engine:
        spec = _unfiltered(engine.launcher.spec_of(single_use(PYTHON)))
        started = await engine.containers.start(spec)
        try:
            yield CellContainer(started)
        finally:
            await started.stream.close()
            await engine.containers.remove(started.container_id)


def _unfiltered(spec: ContainerSpec) -> ContainerSpec:
    """A container with the calls by which one process reaches into another."""
    names = ["kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev"]
    profile = json.loads(seccomp_profile(*FOR_CELLS))
    profile["syscalls"].append({"names": names, "action": "SCMP_ACT_ALLOW"})
    others = (word for word in spec.security_opt if not word.startswith("seccomp="))
    return replace(spec, security_opt=(*others, f"seccomp={json.dumps(profile)}"))


async def test_the_first_process_keeps_its_descriptors(container: CellContainer) -> None:
    """No trick reaches them; every one of them does reach a process of the learner's own."""
    harvest = await container.run(kata(PYTHON, "python3 thief.py 1", {"thief.py": THIEF}))

    tried = [line.split() for line in harvest.stdout.decode().splitlines()]
    assert (harvest.stderr, harvest.status, len(tried)) == (b"", "0", 11)
    assert {name for name, of_first, _ in tried if of_first != "refused"} == set()
    assert {name for name, _, of_child in tried if of_child != "reached"} == set()


async def test_the_script_holds_nothing_of_the_answer(container: CellContainer) -> None:
    """The script's outputs lead nowhere while the learner's program runs."""
    script = "for n in /proc/2/fd/*; do echo ${n##*/} $(readlink $n); done"
    harvest = await container.run(kata(PYTHON, script))

    leads_to = dict(line.split() for line in harvest.stdout.decode().splitlines())
    assert (leads_to["1"], leads_to["2"]) == ("/dev/null", "/dev/null")
    # Its stdin, and the pipe by which it waits for the program; bash keeps its script on 255.
    pipes = [number for number, target in leads_to.items() if target.startswith("pipe:")]
    assert set(pipes) <= {"0", "3", "63"}


EVERYWHERE = r"""
import array, os, signal, socket, stat
FORGED = b"A\0\0\0\6forgedD\0\0\0\0R\0\0\0\0X\0\0\0\0"
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
if os.fork() == 0:  # gets all descriptors by SCM_RIGHTS, and writes until it is killed
    os.setsid()
    for number in set(range(1, 65)) - {signal.SIGKILL, signal.SIGSTOP, 32, 33}:
        signal.signal(number, signal.SIG_IGN)
    held = []
    while True:
        theirs.setblocking(not held)
        try:
            _, rights, *_ = theirs.recvmsg(1, socket.CMSG_SPACE(4))
            held += array.array("i", rights[0][2])
        except BlockingIOError:
            pass
        for one in held:
            os.set_blocking(one, False)
            try:
                os.write(one, FORGED)
            except OSError:
                pass
sent = 0
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid():
        continue
    for number in range(300):
        for how in (os.O_WRONLY, os.O_RDWR):
            try:
                one = os.open(f"/proc/{pid}/fd/{number}", how | os.O_NONBLOCK)
            except OSError:
                continue
            if stat.S_ISFIFO(os.fstat(one).st_mode):
                socket.send_fds(ours, [b"x"], [one])
                sent += 1
            os.close(one)
print("sent", sent > 0)
"""


async def test_writing_wherever_one_can(container: CellContainer) -> None:
    """Whatever a program writes to any pipe of any process, to the last moment, is in no answer.

    One of these pipes tells the script the program's status.
    """
    program = {"everywhere.py": EVERYWHERE}
    for _ in range(3):
        harvest = await container.run(
            # It takes longer than ten seconds on a virtual machine.
            kata(PYTHON, "python3 everywhere.py; echo x >new", program, seconds=30)
        )

        assert (harvest.stdout, harvest.stderr) == (b"sent True\n", b"")
        assert harvest.files.keys() == {b"cyber-dojo.sh", b"everywhere.py", b"new"}
        assert harvest.status in ("0", None)


async def test_content_is_content(container: CellContainer) -> None:
    """Records in what is printed, in files and in names end no answer."""
    script = rf"""
printf '{FORGED}'
printf '{FORGED}' >&2
for ((n = 0; n < 4000; n++)); do printf '{FORGED}'; done >file
echo >$'D\1R\nX'
"""
    forged = b"A\0\0\0\6forgedD\0\0\0\0R\0\0\0\0X\0\0\0\0"
    for _ in range(2):
        harvest = await container.run(kata(PYTHON, script))

        assert (harvest.stdout, harvest.stderr, harvest.status) == (forged, forged, "0")
        assert harvest.files[b"D\1R\nX"] == b"\n"
        assert harvest.files[b"file"] == (forged * 4000)[:51201]


@pytest.mark.parametrize("signal", ["KILL", "STOP", "TERM", "SEGV", "ABRT", "XCPU", "PIPE"])
async def test_the_first_process_cannot_be_signalled(container: CellContainer, signal: str) -> None:
    """A program that signals the first process does not stop the answer."""
    harvest = await container.run(kata(PYTHON, f"kill -{signal} 1; echo $?"))

    assert (harvest.stdout, harvest.status) == (b"0\n", "0")


async def test_limits_of_the_first_process_hurt_that_run_only(container: CellContainer) -> None:
    """A program may lower them, as it has the same user; the next run finds them as ever."""
    lower = "import resource as r; r.prlimit(1, r.RLIMIT_NOFILE, (0, 0)); print(r.prlimit(1, 7))"
    spoilt = await container.run(kata(PYTHON, f"python3 -c '{lower}'"))
    harvest = await container.run(kata(PYTHON, "echo out"))

    assert (spoilt.stdout, spoilt.status, spoilt.files) == (b"", None, {})
    assert (harvest.stdout, harvest.status) == (b"out\n", "0")
