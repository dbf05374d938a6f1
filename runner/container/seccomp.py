"""Filters of system calls: Docker's own, and what the containers of runs get instead of it.

`docker_seccomp.json` is the list of Docker 28.5.2, whichever engine runs the containers. A runtime
passes over names that its libseccomp does not know, so calls that are newer than it are refused.
"""

import json
from functools import cache
from importlib.resources import files
from socket import (
    AF_INET,
    AF_INET6,
    AF_NETLINK,
    AF_UNIX,
    IPPROTO_ICMP,
    IPPROTO_ICMPV6,
    IPPROTO_TCP,
    IPPROTO_UDP,
    SOCK_DGRAM,
    SOCK_STREAM,
)
from typing import Any

_ENOSYS = 38

# The kernel counts the slots for asynchronous I/O for the whole host (fs.aio-max-nr), so one run
# could take all of them. io_uring is a large interface that was often broken into, and newer
# engines refuse it as well. A program is told that the kernel has no such call, and does without.
HOST_WIDE_CALLS = ("io_setup", "io_uring_setup", "io_uring_enter", "io_uring_register")

# Each socket that a program may open: its family, kind and protocol. A socket of any other would
# have the host's kernel load a module (can, sctp, vsock and so on), and such modules were often
# broken into. None stands for anything.
_MPTCP = 262  # of a listening socket of Go's; Python 3.11 does not name it
_NETLINK_ROUTE = 0  # tells a program its interfaces and addresses: getaddrinfo asks by it
SOCKETS: tuple[tuple[int, int | None, int | None], ...] = (
    (AF_UNIX, None, None),
    *((AF_INET, SOCK_STREAM, protocol) for protocol in (0, IPPROTO_TCP, _MPTCP)),
    *((AF_INET, SOCK_DGRAM, protocol) for protocol in (0, IPPROTO_UDP, IPPROTO_ICMP)),
    *((AF_INET6, SOCK_STREAM, protocol) for protocol in (0, IPPROTO_TCP, _MPTCP)),
    *((AF_INET6, SOCK_DGRAM, protocol) for protocol in (0, IPPROTO_UDP, IPPROTO_ICMPV6)),
    (AF_NETLINK, None, _NETLINK_ROUTE),
)
# The kernel looks at these bits of an argument only, so the filter does, too: another comparison
# could be passed by, as Docker's own of AF_VSOCK can, with a bit beyond them.
_INT = 0xFFFFFFFF
_KIND = 0xF  # flags follow, such as SOCK_CLOEXEC

# With this call 32-bit programs open sockets by arguments in memory, where no filter sees them.
# The runtime would allow it wherever `socket` is allowed. musl uses `socket` then.
_WITH_HIDDEN_ARGUMENTS = "socketcall"


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
    replaced = (*HOST_WIDE_CALLS, "socket", "socketpair", _WITH_HIDDEN_ARGUMENTS)
    profile = without(docker_seccomp_profile(), replaced)
    added: list[dict[str, Any]] = [
        {
            "names": [*HOST_WIDE_CALLS, _WITH_HIDDEN_ARGUMENTS],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": _ENOSYS,
        },
        *(_allowing("socket", *socket) for socket in SOCKETS),
        _allowing("socketpair", AF_UNIX),
    ]
    if for_the_container:
        added.append({"names": list(for_the_container), "action": "SCMP_ACT_ALLOW"})
    return json.dumps({**profile, "syscalls": [*profile["syscalls"], *added]})


def _allowing(call: str, *arguments: int | None) -> dict[str, Any]:
    """A rule that allows a call to open a socket of this family, kind and protocol."""
    conditions = [
        {"index": index, "value": mask, "valueTwo": argument, "op": "SCMP_CMP_MASKED_EQ"}
        for index, (argument, mask) in enumerate(zip(arguments, (_INT, _KIND, _INT), strict=False))
        if argument is not None
    ]
    return {"names": [call], "action": "SCMP_ACT_ALLOW", "args": conditions}
