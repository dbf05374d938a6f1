"""Daemons of each kind for tests with hostile programs, and checks of their answers."""

from typing import Any

from tests.daemon_process import Daemon

GCC = "dojo-runner/gcc:latest"
PYTHON = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"

LONGEST = 50 * 1024
# An answer of 48 MiB at most is held and parsed at a time, and the allocator keeps some of it.
GROWTH_BYTES = 160 * 1024 * 1024

Result = dict[str, Any]

# Says its own pid's parent, the main.sh which started it, and PID 1.
PARENTS = """
parent_of() { local stat; stat=$(</proc/$1/stat); stat=${stat##*) }; set -- $stat; echo $2; }
waits=$PPID; main=$(parent_of $PPID)
"""


class Victim:
    """A daemon that is attacked, and then looked at."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._before_bytes = daemon.memory_bytes()

    async def attack(self, image: str, script: str, **how: Any) -> Result:
        """The outcome of a hostile program, once it is sure that it has harmed nobody."""
        result = await self.daemon.run(image, script, **how)
        await self.is_well(image)
        return result

    async def is_well(self, image: str) -> None:
        """An ordinary run is green, no container is left over, and memory is about what it was."""
        ordinary = await self.daemon.run(image, "cat kept; echo new >new", files={"kept": "kept"})
        assert (ordinary["outcome"], ordinary["status"]) == ("green", "0"), ordinary
        assert ordinary["stdout"]["content"] == "kept"
        assert list(ordinary["created"]) == ["new"]
        await self.daemon.settled()
        assert self.daemon.memory_bytes() < self._before_bytes + GROWTH_BYTES


def c(program: str) -> dict[str, str]:
    """A program in C, for `compile_and`."""
    return {"bomb.c": program}


def compile_and(then: str) -> str:
    """A script which compiles bomb.c and goes on."""
    return f"gcc -o bomb bomb.c || exit 99\n{then}"


def assert_timed_out(result: Result) -> None:
    """The contract's answer to a program that does not end."""
    assert (result["outcome"], result["status"]) == ("timed_out", "142"), result
    assert (result["created"], result["changed"]) == ({}, {})
    assert result["log"]["reason"]


def assert_faulty(result: Result, status: str) -> None:
    """Assert that a result is the contract's for a container without a proper answer."""
    assert (result["outcome"], result["status"]) == ("faulty", status), result
    assert (result["stdout"]["content"], result["created"]) == ("", {})
    assert result["log"]["reason"]
