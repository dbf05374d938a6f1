"""A spec becomes exactly what the engine is told."""

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from pool import ContainerSpec, Delivery, Ulimit

SPEC = ContainerSpec(
    image="name",
    image_id="sha256:1",
    command=("bash", "-c", "echo"),
    ready_mark=b"READY\n",
    user="41966:51966",
    holder=("sleep", "9"),
    holder_user="nobody",
    env={"A": "1", "B": "x=y"},
    labels={"owner": "me"},
    tmpfs={"/tmp": "size=1m"},
    volumes=("/home/sandbox",),
    memory_bytes=5,
    pids=7,
    ulimits=(Ulimit("nofile", 3),),
    cap_drop=("ALL",),
    cap_add=("SYS_PTRACE",),
    security_opt=("no-new-privileges:true",),
)


def host(spec: ContainerSpec) -> dict[str, Any]:
    """The part of the body that holds the limits."""
    config = spec.create_body()["HostConfig"]
    assert isinstance(config, dict)
    return config


def test_is_frozen() -> None:
    """A spec never changes after it was built."""
    with pytest.raises(FrozenInstanceError):
        SPEC.user = "root"  # type: ignore[misc]


def test_is_created_from_the_id_of_the_image() -> None:
    """A tag that moves between two containers changes nothing: the id decides."""
    assert SPEC.create_body()["Image"] == "sha256:1"


def test_attach_runs_the_command_as_the_user() -> None:
    """With attach delivery the command itself is the container's first process."""
    body = SPEC.create_body()

    assert body["Cmd"] == ["bash", "-c", "echo"]
    assert body["User"] == "41966:51966"


def test_attach_ends_with_our_connection() -> None:
    """With attach delivery the container's stdin ends when we go away."""
    body = SPEC.create_body()

    assert (body["OpenStdin"], body["StdinOnce"], body["AttachStdin"]) == (True, True, True)


def test_exec_runs_the_holder_as_its_own_user() -> None:
    """With exec delivery the first process is the holder, which is not the learner's user."""
    body = replace(SPEC, delivery=Delivery.EXEC).create_body()

    assert body["Cmd"] == ["sleep", "9"]
    assert body["User"] == "nobody"
    assert (body["StdinOnce"], body["AttachStdin"]) == (False, False)


def test_clears_the_entry_point_of_the_image() -> None:
    """The entry point of an image is never run."""
    assert SPEC.create_body()["Entrypoint"] == [""]


def test_switches_off_the_health_check_of_the_image() -> None:
    """An image's own probe starts nothing in a container that waits."""
    assert SPEC.create_body()["Healthcheck"] == {"Test": ["NONE"]}


def test_renders_the_environment_as_words() -> None:
    """Each variable is one word, whatever its value holds."""
    assert SPEC.create_body()["Env"] == ["A=1", "B=x=y"]


def test_carries_its_labels() -> None:
    """Labels say whose container it is."""
    assert SPEC.create_body()["Labels"] == {"owner": "me"}


def test_is_read_only_and_without_network_unless_told_otherwise() -> None:
    """The safe way is the default."""
    assert host(SPEC)["ReadonlyRootfs"] is True
    assert host(SPEC)["NetworkMode"] == "none"


def test_grants_no_swap() -> None:
    """Memory and memory with swap are one and the same limit."""
    assert host(SPEC)["Memory"] == host(SPEC)["MemorySwap"] == 5


def test_renders_every_limit() -> None:
    """Each limit reaches the engine in the engine's own words."""
    config = host(SPEC)

    assert config["PidsLimit"] == 7
    assert config["Ulimits"] == [{"Name": "nofile", "Soft": 3, "Hard": 3}]
    assert config["CapDrop"] == ["ALL"]
    assert config["CapAdd"] == ["SYS_PTRACE"]
    assert config["SecurityOpt"] == ["no-new-privileges:true"]
    assert config["Tmpfs"] == {"/tmp": "size=1m"}


def test_volumes_are_anonymous() -> None:
    """A volume has no name, so that it goes with its container."""
    assert host(SPEC)["Mounts"] == [{"Type": "volume", "Target": "/home/sandbox"}]


def test_stores_no_logs() -> None:
    """The engine keeps nothing of what a learner's program prints."""
    assert host(SPEC)["LogConfig"] == {"Type": "none"}


def test_the_engine_masks_what_it_masks_unless_told_otherwise() -> None:
    """A spec whose masked paths are None leaves them to the engine; an empty list means no path."""
    assert (host(SPEC)["MaskedPaths"], host(SPEC)["ReadonlyPaths"]) == (None, None)

    bare = host(replace(SPEC, masked_paths=(), readonly_paths=("/proc/sys",)))

    assert (bare["MaskedPaths"], bare["ReadonlyPaths"]) == ([], ["/proc/sys"])


def test_a_named_volume_is_read_only_and_takes_nothing_from_the_image() -> None:
    """A named volume is read-only and takes no file of the image; anonymous volumes
    stand beside it.
    """
    spec = replace(SPEC, named_volumes={"/.tool": "tool-1"})

    assert host(spec)["Mounts"] == [
        {"Type": "volume", "Target": "/home/sandbox"},
        {
            "Type": "volume",
            "Source": "tool-1",
            "Target": "/.tool",
            "ReadOnly": True,
            "VolumeOptions": {"NoCopy": True},
        },
    ]
