"""The limits, as data, of a container that serves many runs, each in a cell of its own.

The container may do a little more than one that serves a single run, because the launcher makes
namespaces and mounts in it. A cell may do no more (docs/security.md): before a learner's program
begins, the launcher drops these rights for good.
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

# System calls that Docker's list refuses and the launcher needs. The launcher refuses all of them
# to its cells (images/launcher/filter.c).
FOR_CELLS = (
    "clone",  # with flags: a cell's first process begins in namespaces of its own
    "mount",  # a cell's /proc, its tmpfs, its masks
    "umount2",  # the tmpfs below an overlay is taken out of the tree
    "sethostname",  # the cell's name is set, so that it need not be inherited
)

# Something is mounted on these folders so that the engine makes them if the image lacks them.
# Nothing can be written to this tmpfs, and each cell mounts its own over it.
_MOUNT_POINT = "ro,noexec,nosuid,nodev,size=4k,nr_inodes=2,mode=555"

# Files and folders that no cell can read; `*` stands for each number from 0 on. If a kernel lacks
# one of them, there is nothing to hide.
MASKED = (
    # Docker's newest list of files that tell of the host and of other containers.
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
    # The container's counters would tell a learner of the runs before. Its limits stay readable,
    # because a JVM and other programs adapt to them.
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
            # These are masked file by file, because the folder may be a link to that of the limits.
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
            # This folder has counters only, and no limit that a program adapts to.
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

# Switches of the kernel, which Docker makes read-only as well.
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")

# The engine's words for flags of a mount. The launcher gives every tmpfs these flags by itself, and
# hands only the other words to the kernel.
_FLAGS = ("exec", "nosuid", "nodev")


def cell_spec_of(
    spec: ContainerSpec,
    launcher_volume: str,
    *overlays: str,
    there: Collection[str] = (),
    apparmor: str = "",
) -> ContainerSpec:
    """The same container, for many runs; each cell is under all limits of the one for a single run.

    `overlays` are further folders of the image that are writable in each cell. `there` are folders
    that the image has, so the engine need not make them. `apparmor` is the profile that lets the
    launcher make cells on this host; empty: the engine's default.
    """
    tmpfs = {path: _options(words) for path, words in spec.tmpfs.items()}
    # For a single run the engine copies these folders. In a cell each is an overlay, whose size is
    # limited as that of a tmpfs.
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
            *("entry", "3"),  # the descriptor of a cell's files, see container/inside/entry.sh
        ),
        warm_up=spec.warm_up[-1:],  # the command above ends with the other words
        prelude=b"",
        ready_mark=READY_MARK,
        # The engine makes the folder in which the command starts, too.
        tmpfs=dict.fromkeys(
            spec.tmpfs.keys() - {LAUNCHER_FOLDER, spec.working_dir, *there}, _MOUNT_POINT
        ),
        volumes=(),
        sysctls={},  # they limit the container's own message queues, which no cell can reach
        named_volumes={**spec.named_volumes, LAUNCHER_FOLDER: launcher_volume},
        security_opt=(
            *(word for word in spec.security_opt if not word.startswith("seccomp=")),
            f"seccomp={seccomp_profile(*FOR_CELLS)}",
            *([f"apparmor={apparmor}"] if apparmor else []),
        ),
        # The kernel allows no fresh /proc while the container's own is masked, so it is not. The
        # launcher masks the /proc of each cell.
        masked_paths=(),
        readonly_paths=(),
    )


def _whole_command(spec: ContainerSpec) -> tuple[str, ...]:
    """The command with the prelude itself in the place of its last word.

    That word would make bash read the prelude from stdin, on which the launcher gets its hand-over.
    """
    return (*spec.command[:-1], spec.prelude.decode()) if spec.prelude else spec.command


def _words(option: str, folders: Mapping[str, str]) -> list[str]:
    return [word for path, options in folders.items() for word in (option, path, options)]


def _topmost(folders: Sequence[str]) -> list[str]:
    """The folders without those below others.

    The image's file system is an overlay of the engine's, and a cell's is one upon it. The kernel
    stacks no third one.
    """
    return [
        folder
        for folder in dict.fromkeys(folders)
        if not any(folder.startswith(f"{other}/") for other in folders)
    ]


def _options(words: str) -> str:
    return ",".join(word for word in words.split(",") if word not in _FLAGS)


def _without_owner(options: str) -> str:
    """The options without mode and owner, which an overlay's folder has from the image."""
    ours = ("mode=", "uid=", "gid=")
    return ",".join(word for word in options.split(",") if not word.startswith(ours))
