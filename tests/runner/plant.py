"""Runs as a learner's program and leaves behind all that it can, wherever a later one may look."""

import contextlib
import ctypes
import fcntl
import os
import resource
import signal
import socket
import struct
import time
from collections.abc import Callable

LIBC = ctypes.CDLL(None, use_errno=True)
PLACES = ("/sandbox", "/tmp", "/home/sandbox", "/dev/shm", "/dev/mqueue", "/var/tmp", "/run")


def stay() -> None:
    """Leave a process of another session, which ignores what can be ignored and holds
    what it has.
    """
    if os.fork():
        return
    os.setsid()
    if os.fork():
        os._exit(0)
    for number in range(1, 65):
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    time.sleep(600)
    os._exit(0)


def files() -> None:
    """Leave files in every place that may be written to, and locks on them."""
    for place in PLACES:
        for name in (".bashrc", ".profile", "planted", ".hidden", "usercustomize.py"):
            with contextlib.suppress(OSError), open(f"{place}/{name}", "w") as file:
                file.write("echo planted\n")
                os.chmod(file.name, 0o700)
                fcntl.flock(file, fcntl.LOCK_EX)


def roots() -> None:
    """Change the attributes and times of the places themselves."""
    for place in PLACES:
        with contextlib.suppress(OSError):
            os.setxattr(place, "user.planted", b"x")
        with contextlib.suppress(OSError):
            os.utime(place, (1, 1))


def modes() -> None:
    """Change the modes of folders that were there before."""
    for place in ("/dev/shm", "/dev/mqueue", "/home/sandbox", "/dev", "/.dojo"):
        with contextlib.suppress(OSError):
            os.chmod(place, 0o700)


def system_v() -> None:
    """Leave shared memory, semaphores and message queues."""
    LIBC.shmget(0x1234, 4096, 0o1666)
    LIBC.semget(0x1234, 1, 0o1666)
    LIBC.msgget(0x1234, 0o1666)
    for number in range(20):
        LIBC.shmget(0x2000 + number, 65536, 0o1666)


def sockets() -> None:
    """Leave sockets that listen, with and without a name in the file system."""
    held = []
    for address in ("\0planted", "/tmp/planted.socket", "/dev/shm/planted.socket"):
        one = socket.socket(socket.AF_UNIX)
        one.bind(address)
        one.listen()
        held.append(one)
    server = socket.create_server(("127.0.0.1", 8080), reuse_port=True)
    client = socket.create_connection(("127.0.0.1", 8080))
    accepted, _ = server.accept()
    accepted.close()  # first: its end stays in TIME_WAIT
    client.close()
    held.append(server)
    stay()


def limits() -> None:
    """Lower the limits of ourselves and of our parent."""
    for name in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC, resource.RLIMIT_CORE):
        parent = os.getppid()
        for process in (0, parent):
            with contextlib.suppress(OSError, ValueError):
                resource.prlimit(process, name, (0, 0) if process == 0 else (100, 100))


def priorities() -> None:
    """Change how the kernel treats us, our parent and the first process."""
    for process in (0, os.getppid(), 1):
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process, 19)
        with contextlib.suppress(OSError):
            os.sched_setaffinity(process, {0})
        with contextlib.suppress(OSError):
            os.sched_setscheduler(process, os.SCHED_BATCH, os.sched_param(0))
    for number in ("self", str(os.getppid()), "1"):
        for name, value in (("oom_score_adj", "1000"), ("timerslack_ns", "1"), ("autogroup", "19")):
            with contextlib.suppress(OSError), open(f"/proc/{number}/{name}", "w") as file:
                file.write(value)


def personality() -> None:
    """Change the personality of a process that stays."""
    LIBC.personality(0x20000)
    stay()


def pipes() -> None:
    """Open our own script's pipes, which belong to this user, anew."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        for number in range(3):
            with contextlib.suppress(OSError):
                pipe = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR | os.O_NONBLOCK)
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 4096)
                fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
                fcntl.fcntl(pipe, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)


def watches_and_timers() -> None:
    """Leave watches, timers, open namespaces and files in memory."""
    LIBC.inotify_init1(0)
    for _ in range(100):
        LIBC.inotify_init1(0)
    timer = ctypes.c_int()
    LIBC.timer_create(1, None, ctypes.byref(timer))
    signal.setitimer(signal.ITIMER_REAL, 300)
    for name in os.listdir("/proc/self/ns"):
        os.open(f"/proc/self/ns/{name}", os.O_RDONLY)
    os.memfd_create("planted")
    stay()


def terminals() -> None:
    """Leave an open terminal."""
    with contextlib.suppress(OSError):
        os.openpty()
    stay()


def keys() -> None:
    """Leave a key in the kernel's keyring."""
    LIBC.syscall(248, b"user", b"planted", b"x", 1, -4)
    LIBC.syscall(250, 1, b"planted")


def names() -> None:
    """Change the host's name, the kernel's switches and the network."""
    with contextlib.suppress(OSError):
        socket.sethostname("planted")
    for switch in ("net/ipv4/ip_default_ttl", "kernel/shmmax", "kernel/hostname"):
        with contextlib.suppress(OSError), open(f"/proc/sys/{switch}", "w") as file:
            file.write("1")
    request = struct.pack("16sh14x", b"lo", 0)
    with contextlib.suppress(OSError), socket.socket() as any_socket:
        fcntl.ioctl(any_socket, 0x8914, request)  # SIOCSIFFLAGS: lo down


def memory() -> None:
    """Leave a large file in shared memory."""
    with open("/dev/shm/large", "wb") as file, contextlib.suppress(OSError):
        file.write(bytes(30_000_000))


ALL: tuple[Callable[[], None], ...] = (
    *(files, system_v, sockets, limits, priorities, personality, pipes, watches_and_timers),
    *(terminals, keys, names, memory, roots, modes),
)


def main() -> None:
    """Plant all, each in a process of its own: one that is killed for it stops no other."""
    for plant in ALL:
        child = os.fork()
        if child == 0:
            try:
                plant()
            finally:
                os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
