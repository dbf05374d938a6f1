"""Runs as a learner's program: takes what the kernel counts for a user, or for the whole host.

As `greedy.py AT_MOST HOLD_S`: takes up to so many of each, prints as JSON how many it got and why
it got no more, and holds them for so long.
"""

import ctypes
import errno
import fcntl
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
F_SETPIPE_SZ = 1031
IN_FLIGHT_EACH = 100  # descriptors that one message carries
held: list[object] = []


def call(result: int) -> int:
    """What a function of the C library returned. Raises OSError."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "")
    return result


def signal_in_queue(_: int) -> None:
    """One more signal that waits to be delivered."""
    call(LIBC.sigqueue(os.getpid(), signal.SIGRTMIN, 0))


def watcher(_: int) -> None:
    """One more instance of inotify."""
    call(LIBC.inotify_init())


def terminal(_: int) -> None:
    """One more pair of a terminal."""
    held.append(os.openpty())


def in_flight(_: int) -> None:
    """A hundred more descriptors that were sent and are never received."""
    here, there = socket.socketpair()
    held.append((here, there))
    socket.send_fds(here, [b"x"], [0] * IN_FLIGHT_EACH)


def large_pipe(_: int) -> None:
    """One more pipe with room for a megabyte."""
    ends = os.pipe()
    held.append(ends)
    fcntl.fcntl(ends[1], F_SETPIPE_SZ, 1 << 20)


def queue(number: int) -> None:
    """One more queue of POSIX's."""
    call(LIBC.mq_open(f"/q{number}".encode(), os.O_CREAT | os.O_RDWR, 0o600, None))


def slots(_: int) -> None:
    """A thousand slots for asynchronous I/O."""
    context = ctypes.c_ulong(0)
    call(LIBC.syscall(206 if os.uname().machine == "x86_64" else 0, 1000, ctypes.byref(context)))


def key(number: int) -> None:
    """One more key in the user's ring."""
    call(LIBC.syscall(248, b"user", b"key%d" % number, b"x", 1, -4))


BUDGETS: dict[str, Callable[[int], None]] = {
    "signals": signal_in_queue,
    "watchers": watcher,
    "terminals": terminal,
    "in flight": in_flight,
    "large pipes": large_pipe,
    "queues": queue,
    "slots": slots,
    "keys": key,
}


def taken(take: Callable[[int], None], at_most: int) -> tuple[int, str]:
    """How many it got, and why no more."""
    for number in range(at_most):
        try:
            take(number)
        except OSError as error:
            return number, errno.errorcode.get(error.errno or 0, "?")
    return at_most, "enough"


def main() -> None:
    """Each budget in a process of its own, as a process may open 1024 files only."""
    at_most, hold_s = int(sys.argv[1]), float(sys.argv[2])
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
    got = {}
    for name, take in BUDGETS.items():
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, json.dumps(taken(take, at_most)).encode())
            time.sleep(hold_s)
            os._exit(0)
        os.close(write)
        got[name] = json.loads(os.read(read, 4096))
        os.close(read)
    sys.stdout.write(json.dumps(got) + "\n")
    sys.stdout.flush()
    time.sleep(hold_s)


if __name__ == "__main__":
    main()
