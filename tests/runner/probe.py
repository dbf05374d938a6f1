"""Runs as a learner's program and reports all that it can do and see, as JSON in /sandbox/report.*.

`paths`   what may be read, written and entered, by path: a subset of rwx
`calls`   what comes of each system call, with arguments that are of no use
`acts`    what comes of things that a hostile program tries, and of things that a kata needs
`values`  what it is told: ids, limits, switches, mounts
"""

import contextlib
import ctypes
import errno
import fcntl
import glob
import gzip
import json
import os
import resource
import signal
import socket
import stat
from collections.abc import Callable, Iterator
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
CHUNK = 60_000


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


def everything(top: str) -> Iterator[str]:
    """All paths below a folder, the folder first; of the root without /proc, /sandbox and /tmp."""
    yield top
    for folder, folders, files in os.walk(top):
        if folder == "/":
            # /proc has a part of its own; what is under /sandbox and /tmp is ours.
            for name in ("proc", "sandbox", "tmp"):
                folders.remove(name)
        folders.sort()
        yield from (os.path.join(folder, name) for name in (*folders, *files))


def proc() -> Iterator[str]:
    """What of /proc is the same in every run: the kernel's part, the first process's and ours."""
    yield "/proc"
    for name in os.listdir("/proc"):
        if not name.isdigit() and name not in ("self", "thread-self"):
            yield from everything(f"/proc/{name}")
    for process in ("1", "self"):
        yield from (
            path
            for path in everything(f"/proc/{process}")
            if not any(
                f"/proc/{process}/{part}/" in path for part in ("task", "fd", "fdinfo", "map_files")
            )
        )


def rights(path: str) -> str:
    """What we may do with a path: read, write, execute; `l` for a link."""
    if os.path.islink(path):
        return "l"
    return "".join(
        letter
        for letter, mode in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK))
        if os.access(path, mode)
    )


def paths() -> dict[str, str]:
    """What we may do with every path there is."""
    top = ("/sandbox", "/tmp", *everything("/"), *proc())
    return {path.encode("utf-8", "replace").decode(): rights(path) for path in top}


def content(path: str) -> str:
    """The first 4096 characters of a file; the name of the error if it cannot be read."""
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode(errors="replace")
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")


def mounts() -> dict[str, str]:
    """The topmost mount at each place: its kind and its flags, without what names this
    container.
    """
    found = {}
    with open("/proc/self/mountinfo") as lines:
        for line in lines:
            before, _, after = line.partition(" - ")
            place, flags = before.split()[4:6]
            kind, _, options = after.split(maxsplit=2)
            limits = [one for one in options.strip().split(",") if one.startswith(("size=", "nr_"))]
            found[place] = " ".join([kind, flags.replace(",relatime", ""), *limits])
    return found


# What changes by itself from one moment to the next.
MOVING = (
    "/proc/sys/fs/dentry-state",
    "/proc/sys/fs/file-nr",
    "/proc/sys/fs/inode-nr",
    "/proc/sys/fs/inode-state",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/sys/kernel/pty/nr",
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/random/entropy_avail",
    "/proc/sys/kernel/random/uuid",
    "/proc/sys/fs/quota",
    "/proc/sys/kernel/random/urandom_min_reseed_secs",
)


def values() -> dict[str, str]:
    """All that can be read of the state of this process, the kernel and the file systems."""
    return {**of_itself(), **of_the_kernel(), **of_places()}


def of_itself() -> dict[str, str]:
    """What the kernel tells of this process."""
    status = dict(line.split(":", 1) for line in content("/proc/self/status").splitlines())
    wanted = (
        *("Uid", "Gid", "Groups", "NoNewPrivs", "Seccomp", "TracerPid", "Umask", "Cpus_allowed"),
        *("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "SigBlk", "SigIgn", "SigPnd", "ShdPnd"),
    )
    told = {f"status {name}": status.get(name, "").strip() for name in wanted}
    for name in sorted(dir(resource)):
        if name.startswith("RLIMIT_"):
            told[f"limit {name}"] = str(resource.getrlimit(getattr(resource, name)))
    told["stdio flags"] = str([fcntl.fcntl(file, fcntl.F_GETFL) for file in (0, 1, 2)])
    for number in (0, 1, 2):
        told[f"fd {number}"] = os.readlink(f"/proc/self/fd/{number}")
    open_files = [
        name for name in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{name}")
    ]
    told["descriptors"] = " ".join(sorted(open_files))
    told["env"] = " ".join(f"{name}={value}" for name, value in sorted(os.environ.items()))
    told["hostname"] = socket.gethostname()
    told["uname"] = " ".join(os.uname())
    told["nice"] = str(os.getpriority(os.PRIO_PROCESS, 0))
    told["scheduler"] = f"{os.sched_getscheduler(0)} {sorted(os.sched_getaffinity(0))}"
    told["personality"] = str(LIBC.personality(0xFFFFFFFF))
    told["processes"] = str(sum(name.isdigit() for name in os.listdir("/proc")))
    told["interfaces"] = str(socket.if_nameindex())
    told["cwd"] = os.getcwd()
    return told


def of_the_kernel() -> dict[str, str]:
    """The mounts, the switches, and the tables of the network and of System V."""
    told = {}
    for place, mount in mounts().items():
        told[f"mount {place}"] = mount
    for path in everything("/proc/sys"):
        if os.path.isfile(path) and not path.startswith(MOVING):
            told[f"content {path}"] = content(path)
    for name in ("oom_score_adj", "cgroup", "sessionid", "loginuid", "timerslack_ns"):
        told[f"content /proc/self/{name}"] = content(f"/proc/self/{name}")
    for name in ("net/unix", "net/tcp", "net/tcp6", "net/udp", "net/route", "net/if_inet6"):
        lines = content(f"/proc/self/{name}").splitlines()
        told[f"lines /proc/self/{name}"] = str(len(lines))
    for name in ("shm", "sem", "msg"):
        told[f"content /proc/sysvipc/{name}"] = content(f"/proc/sysvipc/{name}")
    for name in ("keys", "timer_list", "acpi", "key-users"):
        told[f"readable /proc/{name}"] = str(bool(content(f"/proc/{name}").strip()))
    for path in glob.glob("/sys/fs/cgroup/**/*limit*", recursive=True) + glob.glob(
        "/sys/fs/cgroup/**/*.max", recursive=True
    ):
        told[f"content {path}"] = content(path)
    return told


def of_places() -> dict[str, str]:
    """The modes, sizes and names in the places that a run may write to."""
    told = {}
    for place in (
        "/",
        "/sandbox",
        "/tmp",
        "/home/sandbox",
        "/dev",
        "/dev/shm",
        "/dev/mqueue",
        "/etc",
    ):
        seen = os.stat(place)
        told[f"stat {place}"] = (
            f"{seen.st_mode:o} {seen.st_uid}:{seen.st_gid} links {seen.st_nlink}"
        )
    for place in ("/sandbox", "/tmp", "/home/sandbox", "/dev/shm"):
        room = os.statvfs(place)
        told[f"room {place}"] = f"{room.f_blocks} {room.f_files} {room.f_flag}"
    for place in ("/dev/shm", "/dev/mqueue", "/dev/pts", "/home/sandbox", "/tmp"):
        told[f"names {place}"] = " ".join(sorted(os.listdir(place)))
        told[f"xattrs {place}"] = " ".join(os.listxattr(place))
    return told


def main() -> None:
    """Write the report, packed, in pieces that each come back whole."""
    report = {"values": values(), "paths": paths(), "acts": acts(), "calls": calls()}
    packed = gzip.compress(json.dumps(report).encode(), mtime=0)
    for start in range(0, len(packed), CHUNK):
        with open(f"/sandbox/report.{start // CHUNK:03}", "wb") as file:
            file.write(packed[start : start + CHUNK])


if __name__ == "__main__":
    main()
