"""The filter of a run's system calls: Docker's list, and what is taken from it."""

import json
import socket
from typing import Any

import pytest

from runner.container.seccomp import HOST_WIDE_CALLS, docker_seccomp_profile, seccomp_profile

DOCKERS, OURS = docker_seccomp_profile(), json.loads(seccomp_profile())
CHANGED = {*HOST_WIDE_CALLS, "socket", "socketpair", "socketcall"}
INT = 0xFFFFFFFF


def rules_of(profile: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The rules for a system call."""
    return [rule for rule in profile["syscalls"] if name in rule["names"]]


def conditions(call: str) -> set[tuple[tuple[int, int, int], ...]]:
    """What each rule demands that allows a call: index, mask and value of its arguments."""
    rules = rules_of(OURS, call)
    assert {rule["action"] for rule in rules} == {"SCMP_ACT_ALLOW"}
    assert {arg["op"] for rule in rules for arg in rule["args"]} == {"SCMP_CMP_MASKED_EQ"}
    return {
        tuple((arg["index"], arg["value"], arg["valueTwo"]) for arg in rule["args"])
        for rule in rules
    }


def test_all_else_is_as_in_dockers_list() -> None:
    """What is not about asynchronous I/O and sockets has Docker's rules, and no others."""
    names = {name for rule in (*DOCKERS["syscalls"], *OURS["syscalls"]) for name in rule["names"]}

    for name in names - CHANGED:
        found = [
            [{**rule, "names": []} for rule in rules_of(profile, name)]
            for profile in (DOCKERS, OURS)
        ]
        assert found[0] == found[1], name
    assert {**DOCKERS, "syscalls": []} == {**OURS, "syscalls": []}


@pytest.mark.parametrize("name", [*HOST_WIDE_CALLS, "socketcall"])
def test_what_is_not_there(name: str) -> None:
    """These calls are answered as by a kernel that lacks them."""
    assert [
        (rule["action"], rule["errnoRet"], rule.get("args")) for rule in rules_of(OURS, name)
    ] == [("SCMP_ACT_ERRNO", 38, None)]


def test_which_sockets_may_be_opened() -> None:
    """Each family with its kinds and protocols; what no rule allows is refused."""
    inet = {
        ((0, INT, family), (1, 0xF, kind), (2, INT, protocol))
        for family, ping in ((socket.AF_INET, 1), (socket.AF_INET6, 58))
        for kind, protocols in (
            (socket.SOCK_STREAM, (0, 6, 262)),
            (socket.SOCK_DGRAM, (0, 17, ping)),
        )
        for protocol in protocols
    }

    assert conditions("socket") == {
        *inet,
        ((0, INT, socket.AF_UNIX),),
        ((0, INT, socket.AF_NETLINK), (2, INT, 0)),
    }
    assert conditions("socketpair") == {((0, INT, socket.AF_UNIX),)}
    assert OURS["defaultAction"] == "SCMP_ACT_ERRNO"


@pytest.mark.parametrize(
    "name", ["mseal", "setxattrat", "cachestat", "fchmodat2", "map_shadow_stack"]
)
def test_calls_of_new_kernels_are_allowed(name: str) -> None:
    """A program may use what the list of a new engine allows, on an older engine, too."""
    assert [rule["action"] for rule in rules_of(OURS, name)] == ["SCMP_ACT_ALLOW"]
