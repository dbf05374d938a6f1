"""Each limit of a learner's container: shown in a real one, and shown to be missed."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from pool import ContainerSpec, Delivery, DockerClient, DockerContainers, EngineError, Ulimit
from runner.container.images import Home, ImageProfile
from runner.container.lockdown import GIB, HOME, MIB, SANDBOX, TMP, spec_for
from runner.container.scripts import script
from tests.runner.katas import DOCKER_HOST, build, harvest_of, kata

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"
NO_USER = "dojo-runner/no-user:latest"
TOOLED = "dojo-runner/tooled-home:latest"
ODD = "dojo-runner-test/lockdown:latest"
CLANG = ("cyberdojofoundation/clang_of_a_test:latest", "ghcr.io/cyber-dojo-languages/clang-t:1")

TMPFS = (SANDBOX, TMP, HOME)
LABELS = {"dojo-runner.test": f"lockdown-{uuid.uuid4().hex}"}
NO_ANSWER = "no answer"


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[DockerClient]:
    """The engine, with the images that only this file needs."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    await build(
        client,
        ODD,
        f"FROM {PYTHON}\nRUN cp /usr/bin/id /usr/bin/whose && chmod u+s /usr/bin/whose"
        " && rmdir /tmp /home/sandbox\n",
    )
    made = [ODD, *CLANG]
    for name in CLANG:
        repository, _, tag = name.rpartition(":")
        await client.docker.images.tag(PYTHON, repository, tag=tag)
    yield client
    for name in made:
        await client.docker.images.delete(name)
    await client.close()


@pytest_asyncio.fixture(scope="module")
async def engine(client: DockerClient) -> AsyncIterator[DockerContainers]:
    """Containers of the engine."""
    containers = DockerContainers(client)
    yield containers
    await containers.close()


def spec_of(
    image: str = PYTHON, home: Home = Home.TMPFS, delivery: Delivery = Delivery.ATTACH
) -> ContainerSpec:
    """The container that a kata of this image gets."""
    return spec_for(image, ImageProfile(image, home, None), delivery, LABELS)


async def verdict(engine: DockerContainers, spec: ContainerSpec, probe: str) -> str:
    """What the probe prints in such a container; NO_ANSWER when it cannot even be run."""
    try:
        harvest = await harvest_of(engine, spec, kata(spec.image, probe, seconds=20.0))
    except EngineError:
        return NO_ANSWER
    return harvest.stdout.decode().strip()


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

MAP_5_GIB = """python3 - <<'END'
import mmap
MAP_NORESERVE = 0x4000
try:
    mmap.mmap(-1, 5 << 30, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE)
    print("mapped")
except OSError as error:
    print(error.strerror)
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
import os
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
        lambda spec: replace(spec, security_opt=()),
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

LINES = [*ULIMITS, *RESOURCES, *RIGHTS, *SURROUNDINGS, *FILES]


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
    assert spec.tmpfs.keys() == set(TMPFS)
    options = {option for tmpfs in spec.tmpfs.values() for option in tmpfs.split(",")}
    assert all(any(name.endswith(option) for name in names) for option in options)
    assert {"memory", "pids", "cap_drop", "no-new-privileges", "network", "init", "user"} <= names


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


@pytest.mark.parametrize("name", CLANG)
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


GOLDEN_HOST_CONFIG: dict[str, Any] = {
    "ReadonlyRootfs": True,
    "Tmpfs": {
        "/sandbox": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=755,uid=41966,gid=51966",
        "/tmp": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=1777",
        "/home/sandbox": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=755,uid=41966,gid=51966",
    },
    "Mounts": [],
    "Memory": 2147483648,
    "MemorySwap": 2147483648,
    "PidsLimit": 128,
    "Ulimits": [
        {"Name": "core", "Soft": 0, "Hard": 0},
        {"Name": "fsize", "Soft": 268435456, "Hard": 268435456},
        {"Name": "locks", "Soft": 1024, "Hard": 1024},
        {"Name": "nofile", "Soft": 1024, "Hard": 1024},
        {"Name": "nproc", "Soft": 1024, "Hard": 1024},
        {"Name": "stack", "Soft": 16777216, "Hard": 16777216},
        {"Name": "data", "Soft": 4294967296, "Hard": 4294967296},
    ],
    "CapDrop": ["ALL"],
    "CapAdd": [],
    "SecurityOpt": ["no-new-privileges"],
    "MaskedPaths": None,  # the engine's own lists
    "ReadonlyPaths": None,
    "NetworkMode": "none",
    "IpcMode": "private",
    "Init": True,
    "LogConfig": {"Type": "none"},
}


def golden_body(**changes: Any) -> dict[str, Any]:
    """The create body for an image called `an/image`, whose id is `sha256:1`."""
    return {
        "Image": "sha256:1",
        "Entrypoint": [""],
        "Cmd": ["bash", "-c", script("entry.sh")],
        "User": "41966:51966",
        "Env": ["HOME=/home/sandbox", "CYBER_DOJO_SANDBOX=/sandbox"],
        "WorkingDir": "/sandbox",
        "Hostname": "sandbox",
        "Labels": {"of": "ours"},
        "Tty": False,
        "OpenStdin": True,
        "StdinOnce": True,
        "AttachStdin": True,
        "AttachStdout": True,
        "AttachStderr": True,
        "Healthcheck": {"Test": ["NONE"]},
        "HostConfig": GOLDEN_HOST_CONFIG,
        **changes,
    }


def body_of(image: str, home: Home, delivery: Delivery) -> dict[str, Any]:
    """The body that the engine is sent to create a container of such an image."""
    profile = ImageProfile("sha256:1", home, "-> { 'a lambda' }")
    return spec_for(image, profile, delivery, {"of": "ours"}).create_body()


def test_the_create_body_is_golden() -> None:
    """The engine is told this and nothing more."""
    assert body_of("an/image", Home.TMPFS, Delivery.ATTACH) == golden_body()


def test_the_create_body_of_an_exec_is_golden() -> None:
    """With exec delivery another user's holder takes the learner's seat, under the same limits."""
    expected = golden_body(
        Cmd=["bash", "-c", "read -r _"], User="65534:65534", StdinOnce=False, AttachStdin=False
    )

    assert body_of("an/image", Home.TMPFS, Delivery.EXEC) == expected


def test_the_create_body_of_a_copied_home_is_golden() -> None:
    """An image with tools in its home gets a volume there, where others get a tmpfs."""
    tmpfs = dict(GOLDEN_HOST_CONFIG["Tmpfs"])
    del tmpfs["/home/sandbox"]
    mounts = [{"Type": "volume", "Target": "/home/sandbox"}]
    expected = golden_body(HostConfig={**GOLDEN_HOST_CONFIG, "Tmpfs": tmpfs, "Mounts": mounts})

    assert body_of("an/image", Home.COPIED, Delivery.ATTACH) == expected


@pytest.mark.parametrize(
    "image", ["cyberdojofoundation/clang_assert:1", "ghcr.io/cyber-dojo-languages/clang:2"]
)
def test_the_create_body_of_clang_is_golden(image: str) -> None:
    """Clang's images differ in the data limit and one capability."""
    host_config = {
        **GOLDEN_HOST_CONFIG,
        "Ulimits": [limit for limit in GOLDEN_HOST_CONFIG["Ulimits"] if limit["Name"] != "data"],
        "CapAdd": ["SYS_PTRACE"],
    }

    assert body_of(image, Home.TMPFS, Delivery.ATTACH) == golden_body(HostConfig=host_config)


@pytest.mark.parametrize(
    "image", ["cyberdojofoundation/gcc_clang", "my.io/cyberdojofoundation/clang"]
)
def test_only_names_that_begin_as_clangs_get_its_limits(image: str) -> None:
    """A name that merely holds clang's is like any other."""
    assert body_of(image, Home.TMPFS, Delivery.ATTACH) == golden_body()


@pytest.mark.parametrize("delivery", Delivery)
def test_nothing_of_a_request_reaches_the_engine(delivery: Delivery) -> None:
    """Even the image's name, which a client chose, decides between constants and is not sent."""
    body = json.dumps(body_of("chosen.by/a-client:tag", Home.TMPFS, delivery))

    assert "chosen" not in body
    assert "a lambda" not in body


def test_ulimits_are_hard() -> None:
    """A program cannot raise a limit again: soft and hard are one number."""
    body = ContainerSpec("i", "i", (), b"", "1:1", ulimits=(Ulimit("core", 7),)).create_body()

    assert body["HostConfig"]["Ulimits"] == [{"Name": "core", "Soft": 7, "Hard": 7}]
