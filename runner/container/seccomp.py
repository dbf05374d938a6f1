"""Filters of system calls: Docker's own, and what the containers of runs get instead of it."""

import json
from functools import cache
from importlib.resources import files
from typing import Any

_ENOSYS = 38

# What the kernel counts for the whole host, so that one run could take all of it: slots for
# asynchronous I/O (fs.aio-max-nr). Rings are large, too, and often broken into; newer engines
# refuse them. Programs are told that the kernel has no such call, and do without.
HOST_WIDE_CALLS = ("io_setup", "io_uring_setup", "io_uring_enter", "io_uring_register")

# Newer engines refuse these families of sockets: the kernel's cryptography, and the line to the
# hypervisor. Their numbers have one between them.
_AF_ALG, _AF_VSOCK = 38, 40


def docker_seccomp_profile() -> dict[str, Any]:
    """Docker's default list of system calls, in the form that its engine takes."""
    text = (files("runner.container") / "docker_seccomp.json").read_text(encoding="utf-8")
    profile: dict[str, Any] = json.loads(text)
    del profile["comment"]
    return profile


def without(profile: dict[str, Any], calls: tuple[str, ...]) -> dict[str, Any]:
    """The same profile, with these calls on no list: they are refused."""
    rules = [
        {**rule, "names": [name for name in rule["names"] if name not in calls]}
        for rule in profile["syscalls"]
    ]
    return {**profile, "syscalls": [rule for rule in rules if rule["names"]]}


@cache
def seccomp_profile(*for_the_container: str) -> str:
    """Of a container in which runs take place, as JSON; these calls are allowed in it, too."""
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
