"""The limits of the container in which lambdas are evaluated, as data."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from pool import ContainerSpec
from runner.container.seccomp import docker_seccomp_profile, without

_READY_MARK = b"dojo-runner traffic light ready\n"

PLACES = 4  # questions that may be open at once, by default

MIB = 1024 * 1024

# The kernel kills the largest process when the container has no memory left. A lambda is one
# process, so as long as it takes less than this there is always a larger one, which is to blame.
# Honest ones take some 10 MiB. The rest is for a lambda's pipes, its locks and its table of
# mappings, which the kernel counts for no process.
_CELL_BYTES = 64 * MIB
_QUESTION_BYTES = 8 * MIB  # of 4 MiB each, once as it came and once on its way to a cell
_SERVER_BYTES = 64 * MIB  # it takes 20

# Two cells in turn, the one on its way out and the next, each with a thread of Ruby's own.
_CELL_PIDS = 4
_SERVER_PIDS = 16

# The kernel cannot free memory that belongs to no process by ending a greedy lambda: it would end
# one lambda after another, honest ones too. So all calls that keep such memory are refused, but for
# pipes and pairs of sockets, which are few. The names include those of 32-bit programs.
REFUSED_CALLS = (
    # System V's and POSIX's shared memory, semaphores and queues: they outlive their makers.
    *("shmget", "shmat", "shmctl", "shmdt"),
    *("semget", "semop", "semctl", "semtimedop", "semtimedop_time64"),
    *("msgget", "msgsnd", "msgrcv", "msgctl"),
    *("mq_open", "mq_unlink", "mq_notify", "mq_getsetattr"),
    *("mq_timedsend", "mq_timedsend_time64", "mq_timedreceive", "mq_timedreceive_time64"),
    "ipc",
    # Files in memory.
    *("memfd_create", "memfd_secret"),
    # Bytes sent to a listening socket are kept, without limit, before anybody accepts them.
    *("socket", "socketcall", "bind", "listen", "accept", "accept4", "connect"),
    # Buffers, rules and watches of the kernel's. (Docker's list has no rings any more.)
    *("io_setup", "io_submit", "io_cancel", "io_destroy"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
    *("inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_mark"),
    # Nobody has anything to trace.
    "ptrace",
)


def spec_for(
    image_name: str,
    image_id: str,
    limit_s: float,
    labels: Mapping[str, str],
    *,
    places: int = PLACES,
) -> ContainerSpec:
    """The evaluator's container, for that many questions at once; traffic_light.rb limits each
    lambda further.
    """
    cells = places + 2  # CELLS in traffic_light.rb
    return ContainerSpec(
        image=image_name,
        image_id=image_id,
        command=("ruby", "-e", _server(), str(limit_s), str(places)),
        ready_mark=_READY_MARK,
        # Only root may give each lambda's process a user id of its own; this takes two
        # capabilities, and nothing else of root's is left.
        user="0:0",
        cap_drop=("ALL",),
        cap_add=("SETUID", "SETGID"),
        labels=labels,
        hostname="traffic-light",
        # No lambda can leave anything for the next one: there is nowhere to write.
        read_only=True,
        # The engine's own is writable for everybody.
        tmpfs={"/dev/shm": "ro,nosuid,nodev,noexec,size=4k,mode=755"},  # noqa: S108 - not ours
        memory_bytes=_SERVER_BYTES + cells * (_CELL_BYTES + _QUESTION_BYTES),
        pids=_SERVER_PIDS + places + cells * _CELL_PIDS,
        # A setuid program of the image gives no lambda another user's rights.
        security_opt=("no-new-privileges", f"seccomp={seccomp_profile()}"),
        # A lambda has nobody to talk to.
        network="none",
        # Reaps the processes that lambdas leave behind, and cannot be killed from inside.
        init=True,
    )


@cache
def seccomp_profile() -> str:
    """The container's seccomp profile, as JSON: Docker's, without calls that could keep memory."""
    return json.dumps(without(docker_seccomp_profile(), REFUSED_CALLS))


@cache
def _server() -> str:
    """The program that runs in the container."""
    return (files("runner.colour") / "traffic_light.rb").read_text(encoding="utf-8")
