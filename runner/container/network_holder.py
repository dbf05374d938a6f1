"""The holder of networks, as data: a container whose networks other containers are started in.

The daemon lends each network that a holder makes to one container of a run. The holder runs one
program of ours, images/launcher/networks, which reads bytes and makes networks. No learner's
program and no learner's file is ever in it.
"""

import json
from collections.abc import Mapping
from functools import cache

from pool import ContainerSpec, NetworkHolder
from runner.container.seccomp import docker_seccomp_profile

HOSTNAME = "sandbox"  # the engine gives it to every container in the holder's network

_PROGRAM = "/networks"
_READY_MARK = b"dojo-runner networks\n"
_CLONE_NEWNET = 0x40000000

MIB = 1024 * 1024


def holder_spec(image_name: str, image_id: str, labels: Mapping[str, str]) -> ContainerSpec:
    """The holder's container; `image_name` is for logs."""
    return ContainerSpec(
        image=image_name,
        image_id=image_id,
        command=(_PROGRAM,),
        ready_mark=_READY_MARK,
        # Root, with SYS_ADMIN to make a network namespace, and NET_ADMIN to switch its `lo` on.
        # SYS_ADMIN allows more, by system calls that the filter refuses.
        user="0:0",
        cap_drop=("ALL",),
        cap_add=("SYS_ADMIN", "NET_ADMIN"),
        security_opt=("no-new-privileges", f"seccomp={_seccomp_profile()}"),
        labels=labels,
        hostname=HOSTNAME,
        read_only=True,
        # The runtime's own process counts in these limits, too, until it has become the program.
        memory_bytes=64 * MIB,
        pids=16,
        network="none",
        # The engine uses the network of a container's first process, which must be the program.
        init=False,
    )


def trial_spec(holder: ContainerSpec, lends: NetworkHolder, runtime: str) -> ContainerSpec:
    """A container that borrows the holder's network and prints that network's number."""
    return lends.in_its_network(
        ContainerSpec(
            image=holder.image,
            image_id=holder.image_id,
            command=(_PROGRAM, "show"),
            ready_mark=b"\n",
            user="65534:65534",
            cap_drop=("ALL",),
            security_opt=("no-new-privileges",),
            labels=holder.labels,
            memory_bytes=holder.memory_bytes,
            pids=holder.pids,
            runtime=runtime,
        )
    )


@cache
def _seccomp_profile() -> str:
    """Docker's profile, without the calls that it allows to capabilities only.

    Of those, `unshare` is allowed for a new network namespace alone.
    """
    profile = docker_seccomp_profile()
    rules = [rule for rule in profile["syscalls"] if not rule.get("includes", {}).get("caps")]
    networks = {
        "names": ["unshare"],
        "action": "SCMP_ACT_ALLOW",
        "args": [{"index": 0, "value": _CLONE_NEWNET, "op": "SCMP_CMP_EQ"}],
    }
    return json.dumps({**profile, "syscalls": [*rules, networks]})
