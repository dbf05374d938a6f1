"""Filters of system calls: Docker's own, and what the containers of runs get instead of it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

_ENOSYS = 38

# The kernel counts the slots for asynchronous I/O for the whole host (fs.aio-max-nr), so one run
# could take all of them. io_uring is a large interface that was often broken into, and newer
# engines refuse it as well. A program is told that the kernel has no such call, and does without.
HOST_WIDE_CALLS = ("io_setup", "io_uring_setup", "io_uring_enter", "io_uring_register")

# Newer engines refuse these families of sockets: AF_ALG is the kernel's cryptography, and AF_VSOCK
# the line to the hypervisor. The number between them is another family, which stays allowed.
_AF_ALG, _AF_VSOCK = 38, 40


def docker_seccomp_profile() -> dict[str, Any]:
    """Docker's default list of system calls, in the form that its engine takes."""
    text = (files("runner.container") / "docker_seccomp.json").read_text(encoding="utf-8")
    profile: dict[str, Any] = json.loads(text)
    del profile["comment"]
    return profile


def without(profile: dict[str, Any], calls: tuple[str, ...]) -> dict[str, Any]:
    """The same profile without these calls; a call that no rule names is refused."""
    rules = [
        {**rule, "names": [name for name in rule["names"] if name not in calls]}
        for rule in profile["syscalls"]
    ]
    return {**profile, "syscalls": [rule for rule in rules if rule["names"]]}


@cache
def seccomp_profile(*for_the_container: str) -> str:
    """The profile of a container in which runs take place, as JSON.

    `for_the_container` names further calls that are allowed in it.
    """
    profile = without(docker_seccomp_profile(), (*HOST_WIDE_CALLS, "socket"))
    added: list[dict[str, Any]] = [
        {"names": list(HOST_WIDE_CALLS), "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS},
        *(
            {
                "names": ["socket"],
                "action": "SCMP_ACT_ALLOW",
                "args": [{"index": 0, "value": family, "op": operator}],
            }
            for operator, family in (
                ("SCMP_CMP_LT", _AF_ALG),
                ("SCMP_CMP_EQ", _AF_ALG + 1),
                ("SCMP_CMP_GT", _AF_VSOCK),
            )
        ),
    ]
    if for_the_container:
        added.append({"names": list(for_the_container), "action": "SCMP_ACT_ALLOW"})
    return json.dumps({**profile, "syscalls": [*profile["syscalls"], *added]})
