"""What the engine is asked for when a learner's container is created."""

import json
from typing import Any

import pytest

from pool import ContainerSpec, Delivery, Ulimit
from runner.container.lockdown import spec_for
from runner.container.profile import Home, ImageProfile
from runner.container.scripts import script
from runner.container.seccomp import seccomp_profile

GOLDEN_HOST_CONFIG: dict[str, Any] = {
    "ReadonlyRootfs": True,
    "Tmpfs": {
        "/sandbox": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=755,uid=41966,gid=51966",
        "/tmp": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=1777",
        "/home/sandbox": "exec,nosuid,nodev,size=250m,nr_inodes=64k,mode=755,uid=41966,gid=51966",
        "/.dojo": "exec,nosuid,nodev,size=250m,nr_inodes=64,mode=755,uid=41966,gid=51966",
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
    "Sysctls": {"fs.mqueue.queues_max": "4", "fs.mqueue.msgsize_max": "2048"},
    "CapDrop": ["ALL"],
    "CapAdd": [],
    "SecurityOpt": ["no-new-privileges", f"seccomp={seccomp_profile()}"],
    "MaskedPaths": None,  # the engine's own lists
    "ReadonlyPaths": None,
    "NetworkMode": "none",
    "IpcMode": "private",
    "Init": True,
    "LogConfig": {"Type": "none"},
}


READ_ENTRY = f'IFS= TMOUT=0 read -r -N {len(script("entry.sh"))} _dojo_entry && eval "$_dojo_entry"'


def golden_body(**changes: Any) -> dict[str, Any]:
    """The create body for an image called `an/image`, whose id is `sha256:1`."""
    return {
        "Image": "sha256:1",
        "Entrypoint": [""],
        "Cmd": ["bash", "-p", "-c", READ_ENTRY],
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
        Cmd=["bash", "-p", "-c", "TMOUT=0 read -r _"],
        User="65534:65534",
        StdinOnce=False,
        AttachStdin=False,
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
    "image",
    [
        "cyberdojofoundation/clang_assert:1",
        "ghcr.io/cyber-dojo-languages/clang:2",
        "dojo-runner/clang-assert:latest",
    ],
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


def test_the_script_comes_by_stdin() -> None:
    """The script that waits is what the command reads first: so many characters, all of ASCII."""
    spec = spec_for("i", ImageProfile("i", Home.TMPFS, None), Delivery.ATTACH, {})

    assert spec.prelude == script("entry.sh").encode("ascii")


@pytest.mark.parametrize("delivery", Delivery)
def test_nothing_of_a_request_reaches_the_engine(delivery: Delivery) -> None:
    """Nothing of a request is sent to the engine: even the image's name only decides
    between constants.
    """
    body = json.dumps(body_of("chosen.by/a-client:tag", Home.TMPFS, delivery))

    assert "chosen" not in body
    assert "a lambda" not in body


def test_ulimits_are_hard() -> None:
    """A program cannot raise a limit again: soft and hard are one number."""
    body = ContainerSpec("i", "i", (), b"", "1:1", ulimits=(Ulimit("core", 7),)).create_body()

    assert body["HostConfig"]["Ulimits"] == [{"Name": "core", "Soft": 7, "Hard": 7}]
