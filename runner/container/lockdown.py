"""The limits of a learner's program, as data, with a reason beside each line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pool import ContainerSpec, Delivery, Image, Ulimit
from runner.container.hand_over import GID, READY_MARK, UID
from runner.container.needs import replaced
from runner.container.network_holder import HOSTNAME
from runner.container.profile import Home, ImageProfile
from runner.container.scripts import script
from runner.container.seccomp import seccomp_profile
from runner.container.survey import END_MARK, Place, PlaceOwner
from runner.container.warm_up import HOOK

MIB = 1024 * 1024
GIB = 1024 * MIB

SANDBOX = "/sandbox"
HOME = "/home/sandbox"
TMP = "/tmp"  # noqa: S108 - in the container, where it is a tmpfs of its own
# The folder of our own scripts. The program's output is kept here, and not in /tmp, so that it is
# there although the program has filled /tmp.
OWN = "/.dojo"

MEMORY_BYTES = 2 * GIB  # a JVM and a compiler fit; one learner cannot take the whole host
PIDS = 128  # ends a fork bomb; a build with make -j and a JVM's threads fit

# The limits of one tmpfs. The size keeps a learner from taking the host's memory for files. The
# number of inodes is limited because a tmpfs of 1 MiB holds 3 million empty files otherwise.
_TMPFS = "exec,nosuid,nodev,size=250m,nr_inodes=64k"
_SURVEY_MEMORY_BYTES = 256 * MIB

_OWN_TMPFS = f"{_TMPFS},mode=755,uid={UID},gid={GID}"
_SHARED_TMPFS = f"{_TMPFS},mode=1777"
_OUTPUTS_TMPFS = _OWN_TMPFS.replace("nr_inodes=64k", "nr_inodes=64")

# The command reads entry.sh from stdin, so that the script is no part of the command line. Some
# programs print the command line of process 1, and learners would then read our script. The script
# has ASCII characters only, so that bash counts them right in any locale. entry.sh says why `-p`.
_ENTRY = script("entry.sh")
_READ_ENTRY = f'IFS= TMOUT=0 read -r -N {len(_ENTRY)} _dojo_entry && eval "$_dojo_entry"'

# The images whose programs have no limit of data, because AddressSanitizer, with which clang checks
# their memory, maps terabytes that it never touches. The last is the project's own image of clang.
_NO_DATA_LIMIT_FOR = (
    "cyberdojofoundation/clang",
    "ghcr.io/cyber-dojo-languages/clang",
    "dojo-runner/clang",
)
_DATA_LIMIT = Ulimit("data", 4 * GIB)  # ends what allocates without end before the host swaps

_ULIMITS = (
    Ulimit("core", 0),  # a core file is no use to a learner and fills /sandbox
    Ulimit("fsize", 256 * MIB),  # one file cannot fill what is writable
    Ulimit("locks", 1024),  # file locks live in the kernel's memory
    Ulimit("nofile", 1024),  # open files, too
    Ulimit("nproc", 1024),  # processes of this user, over all containers of the host
    Ulimit("stack", 16 * MIB),  # endless recursion ends in a second
)

# The limits of one container's POSIX message queues. All containers of the host share 800 KiB for
# them, of which one can take 83 KiB.
_SYSCTLS = {"fs.mqueue.queues_max": "4", "fs.mqueue.msgsize_max": "2048"}

# The programs of clang images check their memory with AddressSanitizer. Its leak checker traces the
# process, for which it needs this capability.
_CLANG_CAPABILITIES = ("SYS_PTRACE",)

# With exec delivery (Delivery.EXEC) the engine runs entry.sh beside the container's first process,
# which is this one. It only waits, and so keeps the container alive. Its user is not that of the
# run, because main.sh ends all processes of the run's user before the harvest.
_HOLDER_USER = "65534:65534"
_HOLDER = ("bash", "-p", "-c", "TMOUT=0 read -r _")  # entry.sh tells why so


def spec_for(
    image_name: str, profile: ImageProfile, delivery: Delivery, labels: Mapping[str, str]
) -> ContainerSpec:
    """The container for a single run of this image. It depends on nothing else of a request."""
    is_clang = image_name.startswith(_NO_DATA_LIMIT_FOR)
    copied_home = profile.home is Home.COPIED
    return ContainerSpec(
        image=image_name,
        image_id=profile.image_id,
        command=("bash", "-p", "-c", _READ_ENTRY),
        warm_up=("entry", "", HOOK) if profile.survey.hook else (),
        prelude=_ENTRY.encode("ascii"),
        ready_mark=READY_MARK,
        delivery=delivery,
        holder=_HOLDER,
        holder_user=_HOLDER_USER,
        labels=labels,
        # The user is given by number, so that an image that has no such user runs under the same
        # limits.
        user=f"{UID}:{GID}",
        # Programs write dot files to HOME, so it must not be /. The other variables come with the
        # hand-over, because they depend on the request.
        env={"HOME": HOME, "CYBER_DOJO_SANDBOX": SANDBOX},
        working_dir=SANDBOX,
        # Without this the host name is the container's id, by which a program could recognise a
        # container.
        hostname=HOSTNAME,
        # A program can write to a tmpfs or a volume only, and those are removed with the container.
        read_only=True,
        tmpfs={
            SANDBOX: _OWN_TMPFS,
            TMP: _SHARED_TMPFS,
            OWN: _OUTPUTS_TMPFS,
            **({} if copied_home else {HOME: _OWN_TMPFS}),
            # Other empty folders that the learner's user may write to: a tmpfs is new for each run,
            # and its size is limited.
            **{place.path: _tmpfs_like(place) for place in replaced(profile)},
            # The engine would put the volumes that the image declares on the host's disk, without a
            # limit.
            **dict.fromkeys(profile.empty_volumes, _OWN_TMPFS),
        },
        # Some images keep tools in the home, or files in their volumes. The engine makes a copy of
        # them for each container.
        volumes=(*((HOME,) if copied_home else ()), *profile.filled_volumes),
        memory_bytes=MEMORY_BYTES,
        pids=PIDS,
        sysctls=_SYSCTLS,
        ulimits=_ULIMITS if is_clang else (*_ULIMITS, _DATA_LIMIT),
        # A kata needs none of root's privileges.
        cap_drop=("ALL",),
        cap_add=_CLANG_CAPABILITIES if is_clang else (),
        # A setuid program of the image, such as su or mount, gives a learner no other user's
        # rights. System calls are refused if they take what all runs of the host share; seccomp.py
        # has the reason for each.
        security_opt=("no-new-privileges", f"seccomp={seccomp_profile()}"),
        # A learner's program can reach neither the service, nor the host, nor the internet.
        network="none",
        # The network may be one that is lent, which is as new and as empty as one of the engine's.
        borrows_network=True,
        # Docker's init reaps orphans, which would use up the pids otherwise. It is process 1, so no
        # program in the container can kill it.
        init=True,
    )


def survey_spec(
    image: Image,
    volumes: Sequence[str],
    overlays: Sequence[str],
    labels: Mapping[str, str],
    runtime: str,
) -> ContainerSpec:
    """The container of a survey: locked down as a run's, and with nothing writable in it at all.

    The survey looks into the image's `volumes`, and whether the image has the folders `overlays`.
    """
    spec = spec_for(
        image.image_id, ImageProfile(image.image_id, Home.COPIED, None), Delivery.ATTACH, labels
    )
    looks = (
        ("hook", HOOK),
        *(("overlay", path) for path in overlays),
        *(("volume", path) for path in volumes),
    )
    return replace(
        spec,
        command=(
            "bash",
            "-c",
            script("survey.sh"),
            "survey",
            *(word for look in looks for word in look),
        ),
        ready_mark=END_MARK,
        # The survey looks at the image's own folders, so nothing is mounted over them.
        tmpfs={},
        volumes=(),
        working_dir="/",
        runtime=runtime,
        memory_bytes=_SURVEY_MEMORY_BYTES,
    )


def _tmpfs_like(place: Place) -> str:
    """The options of a tmpfs that lets the learner's user write as the place itself does.

    Its owner is the learner's user or root: a cell's user namespace knows no others.
    """
    match place.owner:
        case PlaceOwner.USER:
            return _OWN_TMPFS
        case PlaceOwner.STICKY:
            return _SHARED_TMPFS
        case PlaceOwner.OTHERS:
            return f"{_TMPFS},mode=777"
