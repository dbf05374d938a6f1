"""What a learner's container is like by delivery, by image, and where it may write."""

import asyncio

import pytest
import pytest_asyncio

from pool import Delivery, DockerContainers
from runner.container.lockdown import HOME, SANDBOX
from runner.container.profile import Home
from tests.runner.container.support import (
    CLANG,
    MAP_5_GIB,
    NO_USER,
    PYTHON,
    TOOLED,
    spec_of,
    verdict,
)

pytestmark = pytest.mark.docker

SUMMARY = """
id -u; id -g; echo "$HOME"; pwd; cat /etc/hostname; umask
ulimit -Ha; ulimit -Sa
grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
grep -E ' (/|/sandbox|/tmp|/home/sandbox) ' /proc/mounts | grep -v overlay | sort
env | grep -E 'HOME|ID|SANDBOX|IMAGE_NAME' | sort
"""


async def test_both_deliveries_limit_alike(engine: DockerContainers) -> None:
    """What runs in an exec is under exactly the limits of what runs on the attached stream."""
    attached, executed = await asyncio.gather(
        verdict(engine, spec_of(), SUMMARY),
        verdict(engine, spec_of(delivery=Delivery.EXEC), SUMMARY),
    )

    assert "NoNewPrivs:\t1" in attached
    assert attached == executed


async def test_the_environment_names_the_request_and_nothing_else(engine: DockerContainers) -> None:
    """Programs that grep for HOME, ID, SANDBOX or IMAGE_NAME find the contract's four variables."""
    probe = "env | grep -E 'HOME|ID|SANDBOX|IMAGE_NAME' | sort"

    assert (await verdict(engine, spec_of(), probe)).splitlines() == [
        "CYBER_DOJO_ID=id",
        f"CYBER_DOJO_IMAGE_NAME={PYTHON}",
        f"CYBER_DOJO_SANDBOX={SANDBOX}",
        f"HOME={HOME}",
    ]


@pytest.mark.parametrize("name", CLANG, ids=["old", "new"])
async def test_clang_may_map_what_its_sanitizers_need(engine: DockerContainers, name: str) -> None:
    """Images whose names begin as clang's have no data limit, and SYS_PTRACE."""
    printed = await verdict(engine, spec_of(name), f"{MAP_5_GIB}\ngrep CapBnd /proc/self/status")

    assert printed == "mapped\nCapBnd:\t0000000000080000"


TRACE_A_CHILD = """python3 - <<'END'
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH = 16
child = os.fork()
if child == 0:
    signal.pause()
print(libc.ptrace(PTRACE_ATTACH, child, 0, 0), libc.ptrace(PTRACE_ATTACH, 1, 0, 0))
END"""


async def test_clang_may_trace_its_own_process(engine: DockerContainers) -> None:
    """A leak checker can attach to the program that it checks."""
    printed = await verdict(engine, spec_of(CLANG[0]), TRACE_A_CHILD)

    assert printed.split()[0] == "0"


async def test_a_copied_home_is_a_copy(engine: DockerContainers) -> None:
    """What a program changes in a copied home is not there for the next one."""
    spec = spec_of(TOOLED, Home.COPIED)
    await verdict(engine, spec, "rm -rf ~/.tools; echo x >~/left")

    printed = await verdict(engine, spec, "~/.tools/bin/greet >/dev/null && echo works; ls ~/left")

    assert printed == "works"


@pytest.mark.parametrize(
    ("image", "home"), [(PYTHON, Home.TMPFS), (TOOLED, Home.COPIED), (NO_USER, Home.TMPFS)]
)
async def test_the_cleaners_clean_and_never_fail(
    engine: DockerContainers, image: str, home: Home
) -> None:
    """~/cyber_dojo_fs_cleaners.sh defines three functions, which work under `set -e`."""
    probe = """set -e
source ~/cyber_dojo_fs_cleaners.sh
mkdir -p 'a dir/deep' kept reset; touch 'a dir/deep/x' 'a file' kept/x reset/x
cyber_dojo_delete_dirs 'a dir' absent
cyber_dojo_delete_files 'a file' absent kept
cyber_dojo_reset_dirs reset fresh /proc/none
find . -mindepth 1 ! -name cyber-dojo.sh | sort"""

    printed = await verdict(engine, spec_of(image, home), probe)

    assert printed.split() == ["./fresh", "./kept", "./kept/x", "./reset"]


@pytest.mark.parametrize(
    "path",
    ["/", "/etc", "/usr/local/bin", "/dev", "/proc/sys/kernel", "/sys/fs/cgroup", "/run/lock"],
)
async def test_nothing_else_can_be_written(printed_writes: dict[str, str], path: str) -> None:
    """Everything but /sandbox, /tmp, the home and shared memory refuses a new file."""
    assert printed_writes[path] == "refused"


@pytest_asyncio.fixture(scope="module")
async def printed_writes(engine: DockerContainers) -> dict[str, str]:
    """The places where a file can be made, as one container tells for all of them."""
    probe = """for path in / /etc /usr/local/bin /dev /proc/sys/kernel /sys/fs/cgroup /run/lock; do
    touch "$path/dojo_new" 2>/dev/null && echo "$path written" || echo "$path refused"; done"""
    printed = await verdict(engine, spec_of(), probe)
    return dict(line.split() for line in printed.splitlines())
