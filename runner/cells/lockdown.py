"""A container that serves many runs, each in a cell of its own: its limits, as data.

The container may do a little more than one that serves a single run, as the launcher makes
namespaces and mounts in it. A cell may do no more (docs/security.md): the launcher takes back what
it was given before a learner's program begins.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from pool import ContainerSpec
from runner.cells.records import PROTOCOL, READY_MARK
from runner.container.hand_over import READY_MARK as CELL_READY_MARK
from runner.container.lockdown import OWN
from runner.container.seccomp import seccomp_profile

# Where the launcher's volume is mounted. Each cell mounts its own tmpfs over it.
LAUNCHER_FOLDER = OWN
_LAUNCHER = f"{LAUNCHER_FOLDER}/cells"

# System calls that the launcher needs and Docker's list refuses. The launcher refuses all of them
# to its cells again (images/launcher/filter.c).
FOR_CELLS = (
    "clone",  # with flags: a cell's first process begins in namespaces of its own
    "mount",  # a cell's /proc, its tmpfs, its masks
    "umount2",  # the tmpfs below an overlay is taken out of the tree
    "sethostname",  # a fresh uts namespace has the name, but might as well not
)

# The engine makes folders that the image lacks by mounting something there. Each cell mounts its
# own tmpfs over it; nothing can be written to this one.
_MOUNT_POINT = "ro,noexec,nosuid,nodev,size=4k,nr_inodes=2,mode=555"

# Files and folders that no cell can read; * is each number from 0 on. Where the kernel has none of
# them, nothing is hidden.
MASKED = (
    # As Docker masks them, in its newest list: what tells of the host, and of other containers.
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/system/cpu/cpu*/thermal_throttle",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    # Counters of the container's: they would tell a learner of the run before. Limits stay, as
    # a JVM and others fit themselves into them.
    *(
        f"/sys/fs/cgroup/{name}"
        for name in (
            "cgroup.pressure",
            "cgroup.stat",
            "cgroup.stat.local",
            "cpu.pressure",
            "cpu.stat",
            "cpu.stat.local",
            "dmem.current",
            "io.pressure",
            "io.stat",
            "irq.pressure",
            "memory.current",
            "memory.events",
            "memory.events.local",
            "memory.numa_stat",
            "memory.peak",
            "memory.pressure",
            "memory.stat",
            "memory.swap.current",
            "memory.swap.events",
            "memory.swap.peak",
            "memory.zswap.current",
            "misc.current",
            "misc.events",
            "misc.events.local",
            "misc.peak",
            "pids.events",
            "pids.events.local",
            "pids.peak",
            "rdma.current",
            "rdma.events",
            "rdma.events.local",
            "rdma.peak",
            "cpu/cpu.stat",
            # File by file: the folder may be a link to that of the limits.
            "cpuacct/cpuacct.stat",
            "cpuacct/cpuacct.usage",
            "cpuacct/cpuacct.usage_all",
            "cpuacct/cpuacct.usage_percpu",
            "cpuacct/cpuacct.usage_percpu_sys",
            "cpuacct/cpuacct.usage_percpu_user",
            "cpuacct/cpuacct.usage_sys",
            "cpuacct/cpuacct.usage_user",
            "memory/memory.failcnt",
            "memory/memory.kmem.failcnt",
            "memory/memory.kmem.max_usage_in_bytes",
            "memory/memory.kmem.usage_in_bytes",
            "memory/memory.kmem.tcp.failcnt",
            "memory/memory.kmem.tcp.max_usage_in_bytes",
            "memory/memory.kmem.tcp.usage_in_bytes",
            "memory/memory.kmem.slabinfo",
            "memory/memory.max_usage_in_bytes",
            "memory/memory.memsw.failcnt",
            "memory/memory.memsw.max_usage_in_bytes",
            "memory/memory.memsw.usage_in_bytes",
            "memory/memory.numa_stat",
            "memory/memory.oom_control",
            "memory/memory.stat",
            "memory/memory.usage_in_bytes",
            "pids/pids.events",
            # Nothing but counters, and nothing that a program fits itself into.
            "blkio",
            "freezer",
            "devices",
            "hugetlb",
            "net_cls",
            "net_prio",
            "perf_event",
            "rdma",
            "systemd",
            "unified",
        )
    ),
)

# As Docker makes them: switches of the kernel's.
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# The engine's words for flags. The launcher gives every tmpfs these flags itself, and hands only
# the other words to the kernel.
_FLAGS = ("exec", "nosuid", "nodev")


def cell_spec_of(
    spec: ContainerSpec,
    launcher_volume: str,
    *overlays: str,
    there: Collection[str] = (),
    apparmor: str = "",
) -> ContainerSpec:
    """The same container, for many runs; `overlays` are more folders of the image to be writable.

    `there` are folders that need not be made for a cell to mount something on them. `apparmor` is
    the profile that lets the launcher make cells on this host; empty: the engine's. The limits are
    those of the container that serves a single run, and each cell is under all of them.
    """
    tmpfs = {path: _options(words) for path, words in spec.tmpfs.items()}
    # A folder that the engine copies for one run is an overlay in a cell, limited as a tmpfs.
    folders = _topmost((*spec.volumes, *overlays))
    writable = dict.fromkeys(folders, _without_owner(next(iter(tmpfs.values()))))
    return replace(
        spec,
        command=(
            *(_LAUNCHER, "--protocol", PROTOCOL, "--ready", CELL_READY_MARK.decode()),
            *("--hostname", spec.hostname, "--folder", spec.working_dir),
            *_words("--overlay", writable),
            *_words("--tmpfs", tmpfs),
            *(word for path in MASKED for word in ("--mask", path)),
            *(word for path in READ_ONLY for word in ("--read-only", path)),
            "--",
            *_whole_command(spec),
            *("entry", "3"),  # where a cell has its files, see container/inside/entry.sh
        ),
        warm_up=spec.warm_up[-1:],  # the other words are there already
        prelude=b"",
        ready_mark=READY_MARK,
        # The engine makes the folder in which the command starts, too.
        tmpfs=dict.fromkeys(
            spec.tmpfs.keys() - {LAUNCHER_FOLDER, spec.working_dir, *there}, _MOUNT_POINT
        ),
        volumes=(),
        sysctls={},  # of the container's own queues, which no cell can reach
        named_volumes={**spec.named_volumes, LAUNCHER_FOLDER: launcher_volume},
        security_opt=(
            *(word for word in spec.security_opt if not word.startswith("seccomp=")),
            f"seccomp={seccomp_profile(*FOR_CELLS)}",
            *([f"apparmor={apparmor}"] if apparmor else []),
        ),
        # The kernel mounts no fresh /proc below one that is masked. Cells mask theirs.
        masked_paths=(),
        readonly_paths=(),
    )


def _whole_command(spec: ContainerSpec) -> tuple[str, ...]:
    """With the prelude in the place of the last word, which would only read it from stdin."""
    return (*spec.command[:-1], spec.prelude.decode()) if spec.prelude else spec.command


def _words(option: str, folders: Mapping[str, str]) -> list[str]:
    return [word for path, options in folders.items() for word in (option, path, options)]


def _topmost(folders: Sequence[str]) -> list[str]:
    """Without those below others: the kernel stacks no third overlay on the engine's and ours."""
    return [
        folder
        for folder in dict.fromkeys(folders)
        if not any(folder.startswith(f"{other}/") for other in folders)
    ]


def _options(words: str) -> str:
    return ",".join(word for word in words.split(",") if word not in _FLAGS)


def _without_owner(options: str) -> str:
    """An overlay's folder has the mode and the owner that it has in the image."""
    ours = ("mode=", "uid=", "gid=")
    return ",".join(word for word in options.split(",") if not word.startswith(ours))
