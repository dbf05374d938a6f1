"""The description of a container: frozen data, rendered as the engine's create body."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Delivery(StrEnum):
    """The stream of a container over which a run travels."""

    ATTACH = "attach"  # the container's own entry point waits on its stdin
    EXEC = "exec"  # a `docker exec`, armed when the container starts, waits on its own stdin


@dataclass(frozen=True)
class Ulimit:
    """One resource limit of the kernel, soft and hard alike, in the kernel's own unit."""

    name: str
    value: int


@dataclass(frozen=True)
class ContainerSpec:
    """Everything that the engine is told about a container before any request is known.

    - `command` prints `ready_mark` once it waits on its stdin; only then is the container warm.
    - `prelude` is written to that stdin at once, before the mark.
    - `warm_up` has further words for `command`, by which it does more before its mark. If an
      image's containers cannot be started with these words, they are started without them.
    - With exec delivery, `holder` keeps the container alive as `holder_user`, while `command` runs
      beside it as `user`.
    - A container is reusable if it may serve more than one run; it serves `most_runs` at most.
    """

    image: str  # the name that people know it by; it also names the image's pool
    image_id: str  # what the container is created from
    command: tuple[str, ...]
    ready_mark: bytes
    user: str
    warm_up: tuple[str, ...] = ()
    prelude: bytes = b""
    most_runs: int = 1
    delivery: Delivery = Delivery.ATTACH
    holder: tuple[str, ...] = ()
    holder_user: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    hostname: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    read_only: bool = True
    tmpfs: Mapping[str, str] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()  # anonymous: filled by the engine from the image, removed with it
    named_volumes: Mapping[str, str] = field(default_factory=dict)  # path -> name; read-only
    memory_bytes: int = 0
    pids: int = 0
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)  # of the container's namespaces
    cap_drop: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    # Paths in /proc and /sys; None stands for the engine's own lists.
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    network: str = "none"
    borrows_network: bool = False  # it may start in a network that a holder lends, if one is idle
    runtime: str = ""  # a runtime that the engine knows by this name; empty: the engine's default
    init: bool = True

    @property
    def reusable(self) -> bool:
        """Whether such a container may serve more than one run; it is reset between two runs."""
        return self.most_runs > 1

    @property
    def whole_command(self) -> tuple[str, ...]:
        """The command with its warm-up."""
        return (*self.command, *self.warm_up)

    def create_body(self) -> dict[str, Any]:
        """The JSON body of the engine's `POST /containers/create`."""
        armed_by_exec = self.delivery is Delivery.EXEC
        return {
            "Image": self.image_id,
            # An empty word removes the image's own entry point, like `docker run --entrypoint ""`.
            "Entrypoint": [""],
            "Cmd": list(self.holder if armed_by_exec else self.whole_command),
            "User": self.holder_user if armed_by_exec else self.user,
            "Env": [f"{name}={value}" for name, value in self.env.items()],
            "WorkingDir": self.working_dir,
            "Hostname": self.hostname,
            "Labels": dict(self.labels),
            "Tty": False,
            "OpenStdin": True,
            # With this the entry point's stdin ends when our end of the attached stream is closed,
            # and the entry point then ends, too. So the containers of a daemon that was killed stop
            # by themselves.
            "StdinOnce": not armed_by_exec,
            "AttachStdin": not armed_by_exec,
            "AttachStdout": True,
            "AttachStderr": True,
            # An image's own health check would start processes in a container that waits.
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "ReadonlyRootfs": self.read_only,
                "Tmpfs": dict(self.tmpfs),
                "Mounts": [
                    *({"Type": "volume", "Target": path} for path in self.volumes),
                    *map(_read_only_volume, self.named_volumes.items()),
                ],
                "Memory": self.memory_bytes,
                # The same as Memory means no swap. Without it the engine grants as much swap again.
                "MemorySwap": self.memory_bytes,
                "PidsLimit": self.pids,
                "Ulimits": [
                    {"Name": limit.name, "Soft": limit.value, "Hard": limit.value}
                    for limit in self.ulimits
                ],
                "Sysctls": dict(self.sysctls),
                "CapDrop": list(self.cap_drop),
                "CapAdd": list(self.cap_add),
                "SecurityOpt": list(self.security_opt),
                "MaskedPaths": _list_or_none(self.masked_paths),
                "ReadonlyPaths": _list_or_none(self.readonly_paths),
                "NetworkMode": self.network,
                "IpcMode": "private",
                "Init": self.init,
                **({"Runtime": self.runtime} if self.runtime else {}),
                # The daemon reads the output from the stream, so the engine need not store it.
                "LogConfig": {"Type": "none"},
            },
        }


def _read_only_volume(path_and_name: tuple[str, str]) -> dict[str, Any]:
    path, name = path_and_name
    return {
        "Type": "volume",
        "Source": name,
        "Target": path,
        "ReadOnly": True,
        # The volume was filled before, so the engine must copy nothing of this image into it.
        "VolumeOptions": {"NoCopy": True},
    }


def _list_or_none(paths: tuple[str, ...] | None) -> list[str] | None:
    return None if paths is None else list(paths)
