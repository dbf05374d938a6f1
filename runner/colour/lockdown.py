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

# When the container has no memory left, the kernel kills its largest process. A lambda is one
# process. As long as each has this much room, the largest one is a lambda that took too much. An
# honest lambda takes some 10 MiB. The rest is for a lambda's pipes, its locks and its table of
# mappings, which the kernel counts for no process.
_CELL_BYTES = 64 * MIB
_QUESTION_BYTES = 8 * MIB  # of 4 MiB each, once as it came and once on its way to a cell
_SERVER_BYTES = 64 * MIB  # the front process and the nursery take 20 MiB

# A place may have two processes for a moment, the one that ends and the next. Each has a thread of
# Ruby's own.
_CELL_PIDS = 4
_SERVER_PIDS = 16

# Some memory of the kernel belongs to no process, so the kernel cannot free it by ending a greedy
# lambda: it would end one lambda after another, honest ones too. Therefore all calls that take such
# memory are refused, but for pipes and pairs of sockets, whose number is limited. The names include
# those of 32-bit programs.
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
    # The kernel keeps bytes that are sent to a listening socket, without a limit, until they are
    # accepted.
    *("socket", "socketcall", "bind", "listen", "accept", "accept4", "connect"),
    # Buffers, rules and watches of the kernel. (Docker's list refuses io_uring by itself.)
    *("io_setup", "io_submit", "io_cancel", "io_destroy"),
    *("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"),
    *("inotify_init", "inotify_init1", "inotify_add_watch", "inotify_rm_watch", "fanotify_mark"),
    # No lambda has anything to trace.
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
    """The evaluator's container, for as many questions at once as there are places.

    traffic_light.rb limits each lambda further.
    """
    cells = places + 2  # CELLS in traffic_light.rb
    return ContainerSpec(
        image=image_name,
        image_id=image_id,
        command=("ruby", "-e", _server(), str(limit_s), str(places)),
        ready_mark=_READY_MARK,
        # Only root can give each lambda's process a user id of its own. Of root's capabilities it
        # keeps the two that this takes.
        user="0:0",
        cap_drop=("ALL",),
        cap_add=("SETUID", "SETGID"),
        labels=labels,
        hostname="traffic-light",
        # Without a place to write to, no lambda can leave anything for the next one.
        read_only=True,
        # The engine's own /dev/shm is writable for everybody.
        tmpfs={"/dev/shm": "ro,nosuid,nodev,noexec,size=4k,mode=755"},  # noqa: S108 - not ours
        memory_bytes=_SERVER_BYTES + cells * (_CELL_BYTES + _QUESTION_BYTES),
        pids=_SERVER_PIDS + places + cells * _CELL_PIDS,
        # A setuid program of the image gives no lambda another user's rights.
        security_opt=("no-new-privileges", f"seccomp={seccomp_profile()}"),
        # A lambda needs no network.
        network="none",
        # Docker's init reaps the processes that lambdas leave behind, and no lambda can kill it.
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
