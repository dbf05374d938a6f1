"""The part of the probe that does things: every system call, and what hostile programs try.

Only the standard library is imported, because tests send this file into containers.
"""

import contextlib
import ctypes
import errno
import os
import resource
import signal
import socket
import stat
from collections.abc import Callable
from functools import partial

LIBC = ctypes.CDLL(None, use_errno=True)
LAST_CALL = 470
# fork, vfork, exit, exit_group, rt_sigreturn, and pause: nothing of theirs can be refused.
LEFT_OUT = (57, 58, 60, 231, 15, 34) if os.uname().machine == "x86_64" else (93, 94, 139)
UNSHARE, SETNS, MOUNT, KEYCTL, PTRACE = 272, 308, 165, 250, 101
NAMESPACES = {
    "user": 0x10000000,
    "mnt": 0x00020000,
    "pid": 0x20000000,
    "ipc": 0x08000000,
    "net": 0x40000000,
    "uts": 0x04000000,
    "cgroup": 0x02000000,
}


def outcome(act: Callable[[], object]) -> str:
    """What comes of an act in a child that has a second for it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        with contextlib.suppress(BaseException):
            os.dup2(os.open("/dev/null", os.O_RDWR), 2)
        signal.alarm(1)
        try:
            said = act()
            text = said if isinstance(said, str) else "ok"
        except OSError as error:
            text = errno.errorcode.get(error.errno or 0, str(error))
        except BaseException as error:
            text = type(error).__name__
        os.write(write, text.encode()[:2000])
        os._exit(0)
    os.close(write)
    _, status = os.waitpid(child, 0)
    text = os.read(read, 4096).decode()
    os.close(read)
    return text or f"killed by {os.WTERMSIG(status)}"


def call(number: int, *arguments: object) -> None:
    """Make a system call. Raises OSError."""
    ctypes.set_errno(0)
    words = [ctypes.c_long(one) if isinstance(one, int) else one for one in arguments]
    if LIBC.syscall(ctypes.c_long(number), *words) == -1:
        error = ctypes.get_errno()
        if error:
            raise OSError(error, os.strerror(error))


def calls() -> dict[str, str]:
    """What comes of every system call, with arguments that can do no harm."""
    useless = [-1] * 6
    return {
        str(number): outcome(partial(call, number, *useless))
        for number in range(LAST_CALL)
        if number not in LEFT_OUT
    }


def connects() -> str:
    """Connect to ourselves over loopback."""
    server = socket.create_server(("127.0.0.1", 0))
    with socket.create_connection(server.getsockname()[:2]):
        return "ok"


def binds(port: int) -> None:
    """Bind a port. Raises OSError."""
    socket.socket().bind(("127.0.0.1", port))


def opens_terminal() -> None:
    """Open a terminal of our own. Raises OSError."""
    os.openpty()


def ptraces_parent_of_all() -> None:
    """Attach to the first process. Raises OSError."""
    call(PTRACE, 16, 1, 0, 0)


def write_to(path: str, text: str) -> None:
    """Write text to a file. Raises OSError."""
    with open(path, "w") as file:
        file.write(text)


def enter_own(namespace: str) -> None:
    """Enter a namespace that this process is in already."""
    call(SETNS, os.open(f"/proc/self/ns/{namespace}", 0), 0)


def open_socket(family: int, kind: int) -> None:
    """Open a socket, and close it again."""
    socket.socket(family, kind).close()


def first_process(what: str) -> None:
    """Read something of the first process. Raises OSError."""
    if what == "root":
        os.listdir("/proc/1/root")
        return
    with open(f"/proc/1/{what}", "rb") as file:
        file.read()


def acts() -> dict[str, str]:
    """What comes of acts that a program without rights may not do."""
    tmp = ctypes.c_char_p(b"/tmp")
    tried: dict[str, Callable[[], object]] = {
        "mount tmpfs": lambda: call(
            MOUNT, ctypes.c_char_p(b"t"), tmp, ctypes.c_char_p(b"tmpfs"), 0, 0
        ),
        "mount bind": lambda: call(MOUNT, tmp, tmp, 0, 4096, 0),
        "umount /tmp": lambda: call(166, tmp, 2),
        "umount /proc": lambda: call(166, ctypes.c_char_p(b"/proc"), 2),
        "pivot_root": lambda: call(155, tmp, tmp),
        "chroot": lambda: os.chroot("/tmp"),
        "sethostname": lambda: socket.sethostname("x"),
        "keyctl session": lambda: call(KEYCTL, 0, -3, 1),
        "add_key": lambda: call(
            248, ctypes.c_char_p(b"user"), ctypes.c_char_p(b"k"), ctypes.c_char_p(b"v"), 1, -4
        ),
        "io_uring_setup": lambda: call(425, 1, ctypes.create_string_buffer(120)),
        "userfaultfd": lambda: call(323, 1),
        "memfd": lambda: os.memfd_create("x"),
        "loopback": connects,
        "bind 80": lambda: binds(80),
        "ping socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM, 1),
        "terminal": opens_terminal,
        "shm": lambda: call(29, 0, 4096, 0o1600),
        "sem": lambda: call(64, 0, 1, 0o1600),
        "msg": lambda: call(68, 0, 0o1600),
        "mqueue": lambda: os.open("/dev/mqueue/probe", os.O_CREAT | os.O_RDWR),
        "dev/shm": lambda: os.open("/dev/shm/probe", os.O_CREAT | os.O_RDWR),
        "mknod": lambda: os.mknod("/tmp/null", stat.S_IFCHR | 0o666, os.makedev(1, 3)),
        "mknod whiteout": lambda: os.mknod("/tmp/white", stat.S_IFCHR | 0o666, 0),
        "setuid 0": lambda: os.setuid(0),
        "setgid 0": lambda: os.setgid(0),
        "setgroups": lambda: os.setgroups([0]),
        "chown": lambda: os.chown("/sandbox", 0, 0),
        "raise nofile": lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048)),
        "nice -1": lambda: os.nice(-1),
        "oom -1": lambda: write_to("/proc/self/oom_score_adj", "-1"),
        "uid_map": lambda: write_to("/proc/self/uid_map", "0 0 1"),
        "ptrace 1": ptraces_parent_of_all,
        "kill 1 with 0": lambda: os.kill(1, 0),
        "kill 1": lambda: os.kill(1, signal.SIGKILL),
        "signal beyond": lambda: os.kill(os.getppid() + 100_000, 0),
        "handle": lambda: call(304, -100, tmp, 0),
        **{f"1/{name}": partial(first_process, name) for name in ("environ", "maps", "root")},
        **{f"unshare {name}": partial(call, UNSHARE, flag) for name, flag in NAMESPACES.items()},
        **{
            f"clone {name}": partial(call, 56, flag | signal.SIGCHLD, 0, 0, 0, 0)
            for name, flag in NAMESPACES.items()
        },
        **{f"setns {name}": partial(enter_own, name) for name in NAMESPACES},
        **{
            f"socket {family} {kind}": partial(open_socket, family, kind)
            for family in range(46)
            for kind in (1, 2, 3, 5)
        },
        **{
            f"personality {value:#x}": partial(call, 135, value)
            for value in (0, 8, 0x20000, 0x40000, 0x400000)
        },
    }
    return {name: outcome(act) for name, act in tried.items()}
