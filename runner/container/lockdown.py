"""The limits of a learner's program, as data, with a reason beside each line."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pool import ContainerSpec, Delivery, Image, Ulimit
from runner.container.hand_over import GID, READY_MARK, UID
from runner.container.needs import replaced
from runner.container.profile import Home, ImageProfile
from runner.container.scripts import script
from runner.container.seccomp import seccomp_profile
from runner.container.survey import END_MARK, Owner, Place
from runner.container.warm_up import HOOK

MIB = 1024 * 1024
GIB = 1024 * MIB

SANDBOX = "/sandbox"
HOME = "/home/sandbox"
TMP = "/tmp"  # noqa: S108 - in the container, where it is a tmpfs of its own
OWN = "/.dojo"  # ours: what the program prints, so that it is there when /tmp is full

MEMORY_BYTES = 2 * GIB  # a JVM and a compiler fit; one learner cannot take the whole host
PIDS = 128  # ends a fork bomb; a build with make -j and a JVM's threads fit

# Of one tmpfs. Blocks: a learner cannot eat the host's memory through files. Inodes: without a
# limit a tmpfs of 1 MiB takes 3 million empty files.
_TMPFS = "exec,nosuid,nodev,size=250m,nr_inodes=64k"
_SURVEY_MEMORY_BYTES = 256 * MIB

_OWN_TMPFS = f"{_TMPFS},mode=755,uid={UID},gid={GID}"
_SHARED_TMPFS = f"{_TMPFS},mode=1777"
_OUTPUTS_TMPFS = _OWN_TMPFS.replace("nr_inodes=64k", "nr_inodes=64")

# Reads entry.sh off its stdin: programs print the init's command line, of which this is a part.
# The script is of ASCII only, so that characters are bytes in any locale; it tells why `-p`.
_ENTRY = script("entry.sh")
_READ_ENTRY = f'IFS= TMOUT=0 read -r -N {len(_ENTRY)} _dojo_entry && eval "$_dojo_entry"'

# The last is the project's own image of clang.
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

# POSIX queues of one container. All runs of the host have 800 KiB for them in common: these take
# up to 83 of it.
_SYSCTLS = {"fs.mqueue.queues_max": "4", "fs.mqueue.msgsize_max": "2048"}

# The clang images check memory with AddressSanitizer: it maps terabytes of shadow memory, and
# its leak checker traces the process.
_CLANG_CAPABILITIES = ("SYS_PTRACE",)

# Waits under another user's name while an armed exec serves the run: main.sh ends every process
# of its own user before the harvest, and this one must live on (spec.Delivery.EXEC).
_HOLDER_USER = "65534:65534"
_HOLDER = ("bash", "-p", "-c", "TMOUT=0 read -r _")  # entry.sh tells why so


def spec_for(
    image_name: str, profile: ImageProfile, delivery: Delivery, labels: Mapping[str, str]
) -> ContainerSpec:
    """The container for one run of this image; nothing of a request is in it but the name."""
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
        # By number: an image without the user still runs, under the same limits.
        user=f"{UID}:{GID}",
        # HOME is not /: programs write dot files there. The rest of what programs look for comes
        # with the hand-over, as only the request knows it.
        env={"HOME": HOME, "CYBER_DOJO_SANDBOX": SANDBOX},
        working_dir=SANDBOX,
        # Not the container's id, by which a program could tell whether it was here before.
        hostname="sandbox",
        # Nothing outlives a run but what a tmpfs or a volume holds, and these go with it.
        read_only=True,
        tmpfs={
            SANDBOX: _OWN_TMPFS,
            TMP: _SHARED_TMPFS,
            OWN: _OUTPUTS_TMPFS,
            **({} if copied_home else {HOME: _OWN_TMPFS}),
            # What else the learner's user may write to and has nothing in it: new for each run, and
            # of limited size.
            **{place.path: _tmpfs_like(place) for place in replaced(profile)},
            # What the image declares as volumes would be the host's disk, without a limit.
            **dict.fromkeys(profile.empty_volumes, _OWN_TMPFS),
        },
        # An image that keeps tools in its home, or something in its volumes, gets a copy of it,
        # which the engine makes.
        volumes=(*((HOME,) if copied_home else ()), *profile.filled_volumes),
        memory_bytes=MEMORY_BYTES,
        pids=PIDS,
        sysctls=_SYSCTLS,
        ulimits=_ULIMITS if is_clang else (*_ULIMITS, _DATA_LIMIT),
        # A kata needs no privilege of root's, not even root in a container.
        cap_drop=("ALL",),
        cap_add=_CLANG_CAPABILITIES if is_clang else (),
        # A setuid program of the image (su, mount) gives nobody another user's rights.
        # No call takes what the host has once for all runs (seccomp.py has a reason for each).
        security_opt=("no-new-privileges", f"seccomp={seccomp_profile()}"),
        # No learner's program talks to anybody: not to us, not to the host, not to the world.
        network="none",
        # Reaps orphans, which would use up the pids, and cannot be killed from inside.
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

    `volumes` of the image are looked at, and whether it has the folders `overlays`.
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
        # It looks at what the image itself has, so nothing is mounted over that.
        tmpfs={},
        volumes=(),
        working_dir="/",
        runtime=runtime,
        memory_bytes=_SURVEY_MEMORY_BYTES,
    )


def _tmpfs_like(place: Place) -> str:
    """Not the owner, where that is not the learner's user: in a cell nobody else is known."""
    match place.owner:
        case Owner.USER:
            return _OWN_TMPFS
        case Owner.STICKY:
            return _SHARED_TMPFS
        case Owner.OTHERS:
            return f"{_TMPFS},mode=777"
