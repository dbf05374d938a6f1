"""System calls and files that no kata needs are refused, and nothing of ours can be found."""

import pytest
import pytest_asyncio

from tests.adversary.support import GCC, PYTHON, Victim
from tests.daemon_process import Daemon

pytestmark = [pytest.mark.docker, pytest.mark.long]

CALLS = """
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long

def said(value):
    return "allowed" if value >= 0 else errno.errorcode[ctypes.get_errno()]

def call(number, *arguments):
    return said(libc.syscall(number, *map(ctypes.c_long, arguments)))

def opens(path, flags):
    try:
        os.close(os.open(path, flags))
        return "allowed"
    except OSError as error:
        return errno.errorcode[error.errno]

def has(*kind):
    try:
        socket.socket(*kind).close()
        return "allowed"
    except OSError as error:
        return errno.errorcode[error.errno]

def name(text):
    return ctypes.cast(ctypes.create_string_buffer(text), ctypes.c_void_p).value

CLONE_NEWUSER = 0x10000000
x86_64 = {
    "unshare user": (272, CLONE_NEWUSER),
    "unshare mount": (272, 0x20000),
    "setns": (308, 0, 0),
    "mount": (165, name(b"none"), name(b"/tmp"), name(b"tmpfs"), 0, 0),
    "umount": (166, name(b"/tmp"), 0),
    "pivot_root": (155, name(b"/tmp"), name(b"/tmp")),
    "chroot": (161, name(b"/tmp")),
    "mknod": (133, name(b"/tmp/device"), 0o20666, 0x103),
    "bpf": (321, 0, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "keyctl": (250, 0, -3, 1),
    "add_key": (248, name(b"user"), name(b"k"), name(b"v"), 1, -3),
    "request_key": (249, name(b"user"), name(b"k"), 0, -3),
    "kexec_load": (246, 0, 0, 0, 0),
    "init_module": (175, 0, 0, 0),
    "delete_module": (176, name(b"x"), 0),
    "reboot": (169, 0, 0, 0, 0),
    "swapon": (167, name(b"/tmp/x"), 0),
    "settimeofday": (164, name(bytes(16)), 0),
    "sethostname": (170, name(b"x"), 1),
    "acct": (163, 0),
    "quotactl": (179, 0, 0, 0, 0),
    "open_by_handle_at": (304, -100, 0, 0),
    "fsopen": (430, name(b"tmpfs"), 0),
    "move_mount": (429, -100, 0, -100, 0, 0),
    "iopl": (172, 3),
    "setuid": (105, 0),
    "setgroups": (116, 0, 0),
    "nice": (141, 0, 0, -5),
}
for what, (number, *arguments) in x86_64.items():
    print(what, "=", call(number, *arguments))
for path in ("/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/proc/vmcore"):
    print(path, "=", opens(path, os.O_RDONLY))
for path in ("/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern"):
    print(path, "=", opens(path, os.O_WRONLY))
print("AF_PACKET", "=", has(17, socket.SOCK_RAW))
print("raw socket", "=", has(socket.AF_INET, socket.SOCK_RAW, 1))
print("docker.sock", "=", opens("/var/run/docker.sock", os.O_RDWR))
"""


@pytest_asyncio.fixture(scope="module")
async def refusals(daemons: dict[str, Daemon]) -> dict[str, dict[str, str]]:
    """The kernel's answer to each call that no kata needs, by each delivery."""
    found = {}
    for delivery, one in daemons.items():
        result = await one.run(PYTHON, "python3 calls.py", files={"calls.py": CALLS})
        assert result["outcome"] == "green", result
        lines = result["stdout"]["content"].splitlines()
        found[delivery] = dict(line.split(" = ") for line in lines)
    return found


REFUSED = {"EPERM", "ENOSYS", "EACCES", "ENOENT", "EROFS"}


@pytest.mark.parametrize("delivery", ["attach", "exec"])
def test_what_no_kata_needs_is_refused(refusals: dict[str, dict[str, str]], delivery: str) -> None:
    """Namespaces, mounts, keys, modules, raw sockets and the kernel's memory are
    refused to a program.
    """
    allowed = {what: said for what, said in refusals[delivery].items() if said not in REFUSED}

    assert allowed == {}


LOOK_AROUND = r"""
tr '\0' '\n' </proc/1/environ | cut -d= -f1
echo mounts
cut -d' ' -f5 /proc/self/mountinfo |
  grep -vE '^/((proc|dev|sys)(/.*)?|sandbox|tmp|home/sandbox|etc/(hosts|hostname|resolv.conf)|)$'
echo processes
for process in /proc/[0-9]*; do tr '\0' ' ' <$process/cmdline | head -c 100 | head -n 1; done
"""


async def test_nothing_of_ours_can_be_found(victim: Victim) -> None:
    """A program finds no secret in PID 1's environment, no mount of the host, no
    process of others.
    """
    result = await victim.attack(GCC, LOOK_AROUND)

    environment, _, rest = result["stdout"]["content"].partition("mounts\n")
    mounts, _, processes = rest.partition("processes\n")
    # With exec delivery PID 1 is another user's, so not even this much is to be seen.
    assert set(environment.split()) <= {"PATH", "HOSTNAME", "HOME", "CYBER_DOJO_SANDBOX"}
    inits = ("/sbin/docker-init", "/usr/sbin/docker-init", "/dev/init")
    # In a cell there is the place where the launcher is, empty. The last two are folders in which
    # anybody may write in this image, so each run has new ones.
    assert set(mounts.split()) <= {*inits, "/.dojo", "/run/lock", "/var/tmp"}
    # A cell's own init, which is a copy of the launcher.
    ours = ("bash ", "tr ", "head ", "/.dojo/cells ", *inits)
    assert [line for line in processes.splitlines() if not line.startswith(ours)] == []


def test_the_log_holds_no_bug(daemons: dict[str, Daemon]) -> None:
    """Hostile programs cause no error of the daemon itself, and its log is all JSON."""
    for one in daemons.values():
        assert all({"time", "level", "message"} <= event.keys() for event in one.log())
        assert not [event for event in one.log() if "unexpected" in event["message"]]
