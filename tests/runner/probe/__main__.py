"""Runs as a learner's program and reports all that it can do and see, as JSON in /sandbox/report.*.

`paths`   what may be read, written and entered, by path: a subset of rwx
`calls`   what comes of each system call, with arguments that are of no use
`acts`    what comes of things that a hostile program tries, and of things that a kata needs
`values`  what it is told: ids, limits, switches, mounts

`paths` and `values` are found out here; `calls` and `acts`, which do things, in acts.py. Tests send
both files into a container, where `python3 -m probe` runs them. So they import nothing but the
standard library and each other.
"""

import errno
import fcntl
import glob
import gzip
import json
import os
import resource
import socket
from collections.abc import Iterator

from .acts import LIBC, acts, calls

CHUNK = 60_000


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
    """Write the report, packed, in pieces that are each returned whole."""
    report = {"values": values(), "paths": paths(), "acts": acts(), "calls": calls()}
    packed = gzip.compress(json.dumps(report).encode(), mtime=0)
    for start in range(0, len(packed), CHUNK):
        with open(f"/sandbox/report.{start // CHUNK:03}", "wb") as file:
            file.write(packed[start : start + CHUNK])


if __name__ == "__main__":
    main()
