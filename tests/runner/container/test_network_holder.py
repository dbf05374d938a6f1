"""What a container that lends networks may do, as it has more rights than any other."""

import json
from typing import Any

from runner.container.network_holder import holder_spec

BODY = holder_spec("launcher", "sha256:1", {}).create_body()
HOST = BODY["HostConfig"]


def rules_of(name: str) -> list[dict[str, Any]]:
    """The rules that allow a system call."""
    (text,) = [word for word in HOST["SecurityOpt"] if word.startswith("seccomp=")]
    profile = json.loads(text.removeprefix("seccomp="))
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    return [rule for rule in profile["syscalls"] if name in rule["names"]]


def test_it_has_the_two_rights_that_networks_take() -> None:
    """A holder has no capability but those to make a network and to switch its lo on."""
    assert (HOST["CapDrop"], HOST["CapAdd"]) == (["ALL"], ["SYS_ADMIN", "NET_ADMIN"])
    assert HOST["ReadonlyRootfs"]
    assert "no-new-privileges" in HOST["SecurityOpt"]


def test_of_what_administrators_may_do_it_can_only_make_networks() -> None:
    """The filter refuses what SYS_ADMIN would allow, but for `unshare` of network namespaces."""
    for name in ("mount", "umount2", "setns", "bpf", "perf_event_open", "pivot_root", "chroot"):
        assert not rules_of(name), name
    (unshare,) = rules_of("unshare")
    assert unshare["args"] == [{"index": 0, "value": 0x40000000, "op": "SCMP_CMP_EQ"}]


def test_it_is_the_first_process_of_its_container() -> None:
    """The engine looks for the network of a container's first process: that must be no init."""
    assert HOST["Init"] is False
    assert BODY["Cmd"] == ["/networks"]
