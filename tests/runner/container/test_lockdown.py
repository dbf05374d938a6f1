"""Each limit of a learner's container: shown in a real one, and shown to be missed."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from pool import ContainerSpec, DockerContainers
from runner.container.lockdown import GIB, HOME, MIB, OWN, SANDBOX, TMP
from runner.container.profile import Home
from runner.container.seccomp import docker_seccomp_profile
from tests.runner.container.support import (
    CLANG,
    MAP_5_GIB,
    NO_USER,
    ODD,
    PYTHON,
    TMPFS,
    TOOLED,
    spec_of,
    verdict,
)

pytestmark = pytest.mark.docker


def without_ulimit(name: str) -> Callable[[ContainerSpec], ContainerSpec]:
    """The spec without one of its ulimits."""
    return lambda spec: replace(
        spec, ulimits=tuple(limit for limit in spec.ulimits if limit.name != name)
    )


def with_tmpfs(option: str, instead: str, *paths: str) -> Callable[[ContainerSpec], ContainerSpec]:
    """The spec with one option of these tmpfs left out, or another in its place."""

    def change(spec: ContainerSpec) -> ContainerSpec:
        tmpfs = dict(spec.tmpfs)
        for path in paths:
            options = tmpfs[path].split(",")
            assert option in options
            changed = [one if one != option else instead for one in options]
            tmpfs[path] = ",".join(filter(None, changed))
        return replace(spec, tmpfs=tmpfs)

    return change


def with_dockers_filter(spec: ContainerSpec) -> ContainerSpec:
    """The spec with Docker's own list of system calls."""
    filtered = f"seccomp={json.dumps(docker_seccomp_profile())}"
    return replace(spec, security_opt=("no-new-privileges", filtered))


def without_env(name: str) -> Callable[[ContainerSpec], ContainerSpec]:
    """The spec without one of its variables."""
    return lambda spec: replace(
        spec, env={key: value for key, value in spec.env.items() if key != name}
    )


@dataclass(frozen=True)
class Line:
    """A line of the lockdown: a probe, what it prints, and the same spec without the line."""

    name: str
    probe: str
    expected: str
    without: Callable[[ContainerSpec], ContainerSpec]
    image: str = PYTHON
    home: Home = Home.TMPFS


FORK_300 = """python3 - <<'END'
import os, signal
children = []
try:
    for _ in range(300):
        child = os.fork()
        if child == 0:
            signal.pause()
        children.append(child)
except BlockingIOError:
    pass
for child in children:
    os.kill(child, signal.SIGKILL)
print("at least 300" if len(children) == 300 else "some" if 60 < len(children) < 128 else "few")
END"""

BEYOND_256_MIB = """python3 - <<'END'
import os
file = os.open("/sandbox/sparse", os.O_RDWR | os.O_CREAT)
for size in (256 << 20, (256 << 20) + 1):
    try:
        os.ftruncate(file, size)
        print("yes")
    except OSError as error:
        print(error.strerror)
END"""

OPEN_UNTIL_REFUSED = """python3 - <<'END'
import os, resource
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
opened = []
try:
    while len(opened) < 1100:
        opened.append(os.open("/dev/null", os.O_RDONLY))
    print("1100 and more")
except OSError as error:
    print(max(opened) + 1)
END"""

MEMORY = "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null"
RUN_A_FILE = """cd {0} && printf '#!/bin/bash\\necho runs' >program && chmod +x program
./program 2>/dev/null || echo refused"""
SIZE = "python3 -c 'import os; s = os.statvfs(\"{0}\"); print(s.f_blocks * s.f_frsize)'"
INODES = "python3 -c 'import os; print(os.statvfs(\"{0}\").f_files)'"
OPTION = "grep ' {0} ' /proc/mounts | grep -qw {1} && echo yes || echo no"
OWNER = "stat -c '%a %u:%g' {0}"
TOOL = "~/.tools/bin/greet >/dev/null && echo x >~/.tools/more && echo works || echo no"

ULIMITS = [
    Line("core", "ulimit -Hc", "0", without_ulimit("core")),
    Line("fsize", BEYOND_256_MIB, "yes\nFile too large", without_ulimit("fsize")),
    Line("locks", "ulimit -Hx; ulimit -Sx", "1024\n1024", without_ulimit("locks")),
    Line("nofile", OPEN_UNTIL_REFUSED, "1024", without_ulimit("nofile")),
    Line("nproc", "ulimit -Hu; ulimit -Su", "1024\n1024", without_ulimit("nproc")),
    Line("stack", "ulimit -Hs; ulimit -Ss", "16384\n16384", without_ulimit("stack")),
    Line("data", MAP_5_GIB, "Cannot allocate memory", without_ulimit("data")),
]

# Raw calls by their numbers on x86-64: the libraries of images have no names for them.
NUMBERED = """python3 - <<'END'
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
context = ctypes.c_ulong(0)
libc.syscall({0}, {1}, ctypes.byref(context))
print(errno.errorcode.get(ctypes.get_errno(), "ok"))
END"""
SOCKETS = """python3 - <<'END'
import errno, socket
for family, kind in (1, 1), (2, 1), (10, 1), (16, 3), (29, 3), (38, 5), (40, 1):
    try:
        socket.socket(family, kind).close()
        print(family, "ok")
    except OSError as error:
        print(family, errno.errorcode[error.errno])
END"""
QUEUES = "cd /proc/sys/fs/mqueue && cat queues_max msgsize_max"

HOST_WIDE = [
    Line("io_setup", NUMBERED.format(206, 1), "ENOSYS", with_dockers_filter),
    Line("io_uring_setup", NUMBERED.format(425, 1), "ENOSYS", with_dockers_filter),
    Line(
        "families of sockets",
        SOCKETS,
        "1 ok\n2 ok\n10 ok\n16 ok\n29 EPERM\n38 EPERM\n40 EPERM",
        with_dockers_filter,
    ),
    Line("queues", QUEUES, "4\n2048", lambda spec: replace(spec, sysctls={})),
]

RESOURCES = [
    Line("memory", MEMORY, str(2 * GIB), lambda spec: replace(spec, memory_bytes=0)),
    Line("pids", FORK_300, "some", lambda spec: replace(spec, pids=0)),
]

RIGHTS = [
    Line(
        "cap_drop",
        "grep CapBnd /proc/self/status",
        "CapBnd:\t0000000000000000",
        lambda spec: replace(spec, cap_drop=()),
    ),
    Line(
        "cap_add for clang",
        "grep CapBnd /proc/self/status",
        "CapBnd:\t0000000000080000",
        lambda spec: replace(spec, cap_add=()),
        image=CLANG[0],
    ),
    Line(
        "no-new-privileges",
        "whose -u",
        "41966",
        lambda spec: replace(spec, security_opt=spec.security_opt[1:]),
        image=ODD,
    ),
    Line(
        "network",
        "wc -l </proc/net/route; ls /sys/class/net | grep -c eth",
        "1\n0",
        lambda spec: replace(spec, network="bridge"),
    ),
    Line(
        "init",
        "tr '\\0' ' ' </proc/1/cmdline | grep -qE '^(/dev/init|/sbin/docker-init) ' && echo yes",
        "yes",
        lambda spec: replace(spec, init=False),
    ),
    Line("user", "id -u; id -g", "41966\n51966", lambda spec: replace(spec, user="65534:65534")),
]

SURROUNDINGS = [
    Line("hostname", "cat /etc/hostname", "sandbox", lambda spec: replace(spec, hostname="")),
    Line("HOME", "echo $HOME", HOME, without_env("HOME"), image=NO_USER),
    Line(
        "CYBER_DOJO_SANDBOX",
        "echo $CYBER_DOJO_SANDBOX",
        SANDBOX,
        without_env("CYBER_DOJO_SANDBOX"),
    ),
    Line("working_dir", "pwd", SANDBOX, lambda spec: replace(spec, working_dir="/")),
]

FILES = [
    Line(
        "read_only",
        "touch /var/tmp/x 2>/dev/null && echo written || echo refused",
        "refused",
        lambda spec: replace(spec, read_only=False),
    ),
    Line(
        "home is copied", TOOL, "works", lambda spec: replace(spec, volumes=()), TOOLED, Home.COPIED
    ),
    Line(
        "home is a tmpfs",
        "echo x >~/new && echo works || echo no",
        "works",
        lambda spec: replace(spec, tmpfs={SANDBOX: spec.tmpfs[SANDBOX], TMP: spec.tmpfs[TMP]}),
    ),
    Line(
        "outputs have a place of their own",
        "head -c 300M /dev/zero >/tmp/full 2>/dev/null; echo out",
        "out",
        lambda spec: replace(
            spec, tmpfs={path: words for path, words in spec.tmpfs.items() if path != OWN}
        ),
    ),
    *(
        Line(
            f"tmpfs {option}",
            "; ".join(probe.format(path) for path in TMPFS),
            "\n".join([expected] * len(TMPFS)),
            with_tmpfs(option, instead, *TMPFS),
        )
        for option, probe, expected, instead in (
            ("exec", RUN_A_FILE, "runs", ""),
            ("size=250m", SIZE, str(250 * MIB), ""),
            ("nr_inodes=64k", INODES, "65536", ""),
            # These two are the engine's defaults, so what is shown is what they guard against.
            ("nosuid", OPTION.format("{0}", "nosuid"), "yes", "suid"),
            ("nodev", OPTION.format("{0}", "nodev"), "yes", "dev"),
        )
    ),
    *(
        Line(
            f"{path} {option}",
            OWNER.format(path),
            "755 41966:51966",
            with_tmpfs(option, "", path),
            ODD,
        )
        for path in (SANDBOX, HOME)
        for option in ("mode=755", "uid=41966", "gid=51966")
        # This folder the engine makes itself, as it is the working directory: 755, with or without.
        if (path, option) != (SANDBOX, "mode=755")
    ),
    # An older runc gives a tmpfs the mode of the image's folder, if there is one: here is none.
    # Without a mode the kernel makes it 1777, so another takes its place.
    Line(
        "/tmp mode=1777",
        OWNER.format(TMP),
        "1777 0:0",
        with_tmpfs("mode=1777", "mode=755", TMP),
        ODD,
    ),
]

LINES = [*ULIMITS, *HOST_WIDE, *RESOURCES, *RIGHTS, *SURROUNDINGS, *FILES]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.name)
async def test_every_line_is_felt_and_missed(engine: DockerContainers, line: Line) -> None:
    """Each line of the lockdown limits a real container, and without it the same probe shows so."""
    spec = spec_of(line.image, line.home)
    without = line.without(spec)
    assert without != spec

    with_it, without_it = await asyncio.gather(
        verdict(engine, spec, line.probe), verdict(engine, without, line.probe)
    )

    assert with_it == line.expected
    assert without_it != line.expected


def test_every_field_of_the_lockdown_has_a_line() -> None:
    """No ulimit and no option of a tmpfs is without a test that misses it."""
    names = {line.name for line in LINES}
    spec = spec_of()

    assert {limit.name for limit in spec.ulimits} <= names
    assert spec.tmpfs.keys() == {*TMPFS, OWN}
    options = {option for path in TMPFS for option in spec.tmpfs[path].split(",")}
    assert all(any(name.endswith(option) for name in names) for option in options)
    assert {"memory", "pids", "cap_drop", "no-new-privileges", "network", "init", "user"} <= names
