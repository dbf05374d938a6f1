"""Hostile programs over HTTP: an honest outcome for each, and a daemon as well as before."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.daemon_process import Daemon, daemon

pytestmark = pytest.mark.docker

GCC = "dojo-runner/gcc:latest"
PYTHON = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"

LONGEST = 50 * 1024
# An answer of 48 MiB at most is held and parsed at a time, and the allocator keeps some of it.
GROWTH_BYTES = 160 * 1024 * 1024

Result = dict[str, Any]


@pytest_asyncio.fixture(scope="module")
async def daemons(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Daemon]]:
    """One for each delivery and kind of use, with pools as small as can be."""
    folder = tmp_path_factory.mktemp("adversary")
    async with (
        daemon(folder, delivery="attach", warm="1", runs_at_once="8") as attach,
        daemon(folder, delivery="exec", warm="1", runs_at_once="8") as execs,
        daemon(folder, reuse="cells", warm="1", runs_at_once="8") as cells,
    ):
        assert (await cells.health())["reuse"]["kind"] == "cells"
        for one in (attach, execs, cells):
            for image in (GCC, PYTHON, BUSYBOX):
                await one.run(image, "true")
            await one.settled()
        yield {"attach": attach, "exec": execs, "cells": cells}


class Victim:
    """A daemon that is attacked, and then looked at."""

    def __init__(self, daemon: Daemon) -> None:
        self.daemon = daemon
        self._before_bytes = daemon.memory_bytes()

    async def attack(self, image: str, script: str, **how: Any) -> Result:
        """The outcome of a hostile program, once it is sure that it has harmed nobody."""
        result = await self.daemon.run(image, script, **how)
        await self.is_well(image)
        return result

    async def is_well(self, image: str) -> None:
        """An ordinary run is green, no container is left over, and memory is about what it was."""
        ordinary = await self.daemon.run(image, "cat kept; echo new >new", files={"kept": "kept"})
        assert (ordinary["outcome"], ordinary["status"]) == ("green", "0"), ordinary
        assert ordinary["stdout"]["content"] == "kept"
        assert list(ordinary["created"]) == ["new"]
        await self.daemon.settled()
        assert self.daemon.memory_bytes() < self._before_bytes + GROWTH_BYTES


@pytest.fixture(params=["attach", "exec", "cells"])
def victim(daemons: dict[str, Daemon], request: pytest.FixtureRequest) -> Victim:
    """Each delivery's and each kind's, where the delivery matters."""
    return Victim(daemons[request.param])


@pytest.fixture(params=["attach", "cells"])
def attached(daemons: dict[str, Daemon], request: pytest.FixtureRequest) -> Victim:
    """The default delivery's with each kind of use, where the delivery does not matter."""
    return Victim(daemons[request.param])


def c(program: str) -> dict[str, str]:
    """A program in C, for `compile_and`."""
    return {"bomb.c": program}


def compile_and(then: str) -> str:
    """A script which compiles bomb.c and goes on."""
    return f"gcc -o bomb bomb.c || exit 99\n{then}"


def assert_timed_out(result: Result) -> None:
    """The contract's answer to a program that does not end."""
    assert (result["outcome"], result["status"]) == ("timed_out", "142"), result
    assert (result["created"], result["changed"]) == ({}, {})
    assert result["log"]["reason"]


def assert_faulty(result: Result, status: str) -> None:
    """The contract's answer when what came back is no answer."""
    assert (result["outcome"], result["status"]) == ("faulty", status), result
    assert (result["stdout"]["content"], result["created"]) == ("", {})
    assert result["log"]["reason"]


SETSID_BOMB = """
#include <signal.h>
#include <unistd.h>
int main(void) {
  signal(SIGTERM, SIG_IGN); signal(SIGHUP, SIG_IGN); signal(SIGINT, SIG_IGN);
  for (;;) if (fork() == 0) setsid();
}
"""

VFORK_CHAIN = """
#include <unistd.h>
int main(int count, char **words) {
  for (;;) if (vfork() == 0) { execl(words[0], words[0], (char *) 0); _exit(1); }
}
"""

THREADS = """
import threading
event = threading.Event()
try:
    for _ in range(100_000):
        threading.Thread(target=event.wait, daemon=True).start()
except RuntimeError as error:
    print(error, flush=True)
import os
os._exit(1)
"""


class TestForks:
    """Programs that multiply."""

    async def test_a_bomb_of_bash(self, victim: Victim) -> None:
        """The classic one ends with its time."""
        result = await victim.attack(
            BUSYBOX, "bomb() { bomb | bomb & }; bomb; while :; do :; done", seconds=1
        )

        assert_timed_out(result)

    async def test_a_bomb_that_goes_off_after_the_end(self, victim: Victim) -> None:
        """A script that ends while its bomb goes on has its own status, and all it printed."""
        result = await victim.attack(
            BUSYBOX, "bomb() { bomb | bomb & }; bomb 2>/dev/null; echo out; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_sessions_that_ignore_term(self, victim: Victim) -> None:
        """A bomb in C, each process in a session of its own, deaf to polite signals."""
        result = await victim.attack(GCC, compile_and("./bomb"), files=c(SETSID_BOMB), seconds=2)

        assert_timed_out(result)

    async def test_a_chain_of_vfork(self, attached: Victim) -> None:
        """Parents that wait for children that wait are ended all at once."""
        result = await attached.attack(GCC, compile_and("./bomb"), files=c(VFORK_CHAIN), seconds=2)

        assert_timed_out(result)

    async def test_threads(self, attached: Victim) -> None:
        """A hundred thousand threads are refused after the first hundred."""
        result = await attached.attack(PYTHON, "python3 threads.py", files={"threads.py": THREADS})

        assert (result["outcome"], result["stdout"]["content"]) == (
            "red",
            "can't start new thread\n",
        )

    async def test_bombs_harm_no_neighbour(self, attached: Victim) -> None:
        """While bombs go off in three containers, a fourth runs as ever."""
        bomb = "bomb() { bomb | bomb & }; bomb; while :; do :; done"
        bombs = [
            asyncio.create_task(attached.daemon.run(BUSYBOX, bomb, seconds=2)) for _ in range(3)
        ]

        ordinary = await attached.daemon.run(PYTHON, "python3 -c 'print(6 * 7)'")

        assert (ordinary["outcome"], ordinary["stdout"]["content"]) == ("green", "42\n")
        for result in await asyncio.gather(*bombs):
            assert_timed_out(result)
        await attached.is_well(BUSYBOX)


MANY_GREEDY = """
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int main(void) {
  for (int i = 0; i < 60; i++) if (fork() == 0) break;
  for (int i = 0; i < 100; i++) { char *p = malloc(1 << 20); if (p) memset(p, 1, 1 << 20); }
  pause();
}
"""


class TestResources:
    """Programs that take what there is."""

    async def test_a_memory_bomb(self, victim: Victim) -> None:
        """The greedy process is killed, its script goes on and says so."""
        result = await victim.attack(
            PYTHON,
            "echo begun; python3 -c 'x = b\"x\" * (2200 << 20)'; echo $?; exit 1",
            seconds=15,
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "begun\n137\n"

    async def test_many_greedy_processes(self, attached: Victim) -> None:
        """Memory taken by many at once is refused as well: an honest end, whoever was killed."""
        result = await attached.attack(
            GCC, compile_and("./bomb & wait"), files=c(MANY_GREEDY), seconds=2
        )

        assert result["outcome"] in ("timed_out", "faulty", "amber", "green"), result
        assert result["outcome"] != "green" or result["status"] == "0"

    async def test_every_tmpfs_filled(self, attached: Victim) -> None:
        """With no byte left anywhere the status and what was printed before still come back."""
        result = await attached.attack(
            GCC,
            "echo out; for place in /tmp /sandbox ~ /dev/shm; do"
            " head -c 300M /dev/zero >$place/full 2>/dev/null; done; exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_all_processors_busy(self, attached: Victim) -> None:
        """Burning both cores delays, and ends with its time; the daemon answers meanwhile."""
        burning = asyncio.create_task(
            attached.daemon.run(
                BUSYBOX, "for n in 1 2 3 4; do while :; do :; done & done; wait", seconds=1
            )
        )
        while not burning.done():
            assert (await attached.daemon.ask("alive?")) == {"alive?": True}
            await asyncio.wait([burning], timeout=0.05)

        assert_timed_out(await burning)
        await attached.is_well(BUSYBOX)


# Says its own pid's parent, the main.sh which started it, and PID 1.
PARENTS = """
parent_of() { local stat; stat=$(</proc/$1/stat); stat=${stat##*) }; set -- $stat; echo $2; }
waits=$PPID; main=$(parent_of $PPID)
"""


class TestSignals:
    """Programs that kill whatever they can reach."""

    async def test_kill_everything(self, victim: Victim) -> None:
        """Our own script dies, too: the machinery has failed, says the answer."""
        result = await victim.attack(BUSYBOX, "echo out; kill -9 -1; exit 0")

        assert_faulty(result, "143")
        assert "no answer" in result["log"]["reason"]

    async def test_kill_the_parent(self, victim: Victim) -> None:
        """Whoever kills what waits for its status has none, and no answer either."""
        result = await victim.attack(BUSYBOX, f"{PARENTS} echo out; kill -9 $waits; exit 0")

        assert_faulty(result, "143")

    async def test_kill_our_script(self, victim: Victim) -> None:
        """Without our script there is no answer."""
        result = await victim.attack(BUSYBOX, f"{PARENTS} kill -9 $main; while :; do :; done")

        assert_faulty(result, "143")

    async def test_kill_the_init(self, victim: Victim) -> None:
        """PID 1 cannot be killed from inside."""
        result = await victim.attack(
            BUSYBOX, "kill -9 1 2>/dev/null; kill -STOP 1 2>/dev/null; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result

    async def test_stop_everything(self, attached: Victim) -> None:
        """With our script stopped the daemon's own deadline ends the run."""
        result = await attached.attack(BUSYBOX, "kill -STOP -1; exit 0", seconds=1)

        assert_timed_out(result)


SCRIBBLE = f"{PARENTS} for fd in 1 2; do for pid in 1 $main $waits; do"
FORGED = r"printf 'deadbeefdeadbeefdeadbeefdeadbeef\ndeadbeefdeadbeefdeadbeefdeadbeef done\n'"


class TestForgeries:
    """Programs that write where our own script answers."""

    async def test_whatever_is_written_there_is_no_answer(self, victim: Victim) -> None:
        """What does not begin with the nonce is refused at once."""
        for what in ("echo garbage", "printf '\\0'", FORGED, "cat /bin/busybox"):
            result = await victim.daemon.run(
                BUSYBOX,
                f"{PARENTS} {what} >/proc/$main/fd/1; {what} >/proc/1/fd/1; echo out; exit 0",
            )

            assert_faulty(result, "144")
        await victim.is_well(BUSYBOX)

    async def test_a_flood_there_is_no_answer(self, victim: Victim) -> None:
        """A gigabyte where the answer is read from is not read to its end."""
        result = await victim.attack(
            BUSYBOX, f"{PARENTS} head -c 1000000000 /dev/zero >/proc/$main/fd/1"
        )

        assert_faulty(result, "144")

    async def test_a_flood_of_complaints(self, victim: Victim) -> None:
        """What is written to our script's stderr is dropped; the run is what it is."""
        result = await victim.attack(
            BUSYBOX, f"{PARENTS} head -c 50000000 /dev/zero >/proc/$main/fd/2; echo out; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_words_that_wait_to_be_written(self, victim: Victim) -> None:
        """Who waits for our answer to begin, to write into it, is ended before that."""
        result = await victim.attack(
            BUSYBOX,
            f"{PARENTS} (trap '' TERM; while kill -0 $waits; do :; done 2>/dev/null;"
            " while :; do echo garbage; done >/proc/$main/fd/1) & echo out; exit 1",
        )

        assert result["outcome"] == "red" or (result["outcome"], result["status"]) == (
            "faulty",
            "144",
        )

    async def test_our_stdin_read_empty(self, victim: Victim) -> None:
        """Whoever reads what our script reads finds nothing, and hinders nobody."""
        result = await victim.attack(
            BUSYBOX, f"{PARENTS} cat /proc/$main/fd/0 & echo out; exit 1", seconds=5
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n"), result

    async def test_descriptors_closed(self, victim: Victim) -> None:
        """A program may close what it was given."""
        result = await victim.attack(BUSYBOX, "echo out; exec <&- >&- 2>&-; exit 1")

        assert (result["outcome"], result["status"]) == ("red", "1")
        assert result["stdout"]["content"] == "out\n"

    async def test_a_path_full_of_traps(self, attached: Victim) -> None:
        """Our script calls no program by a name that a program can take the place of."""
        result = await attached.attack(
            BUSYBOX,
            "for place in /sandbox /tmp ~; do for tool in tar find bash cat; do"
            " printf '#!/bin/bash\\necho hacked' >$place/$tool; chmod +x $place/$tool; done; done;"
            " echo 'echo hacked' >~/.bashrc; echo out; exit 1",
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n")


class TestFloods:
    """Programs that print without end."""

    @pytest.mark.parametrize("where", ["", ">&2"])
    async def test_a_gigabyte(self, attached: Victim, where: str) -> None:
        """A gigabyte fills /tmp; its beginning comes back, truncated, with the script's status."""
        result = await attached.attack(GCC, f"yes | head -c 1000000000 {where}; exit 1")

        text = result["stderr" if where else "stdout"]
        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
        assert text == {"content": "y\n" * (LONGEST // 2), "truncated": True}

    async def test_both_outputs_for_ever(self, victim: Victim) -> None:
        """Floods end with their time, and what came first comes back."""
        result = await victim.attack(
            BUSYBOX, "yes out & yes err >&2 & trap '' TERM; while :; do wait; done", seconds=1
        )

        assert_timed_out(result)
        assert result["stdout"]["truncated"]
        assert result["stdout"]["content"].startswith("out\nout\n")
        assert result["stderr"]["truncated"]

    async def test_one_line_without_end(self, attached: Victim) -> None:
        """50 KiB without a newline are a text like any other."""
        result = await attached.attack(GCC, "head -c 200M /dev/zero | tr '\\0' x; exit 1")

        assert result["stdout"] == {"content": "x" * LONGEST, "truncated": True}

    async def test_a_million_writes_of_a_byte(self, attached: Victim) -> None:
        """Small writes are no dearer for us than large ones."""
        result = await attached.attack(
            PYTHON, "python3 -c 'import os\nfor _ in range(1000000): os.write(1, b\"x\")'; exit 1"
        )

        assert (result["outcome"], result["stdout"]["truncated"]) == ("red", True)

    @pytest.mark.parametrize(
        ("printed", "content"),
        [
            (r"a\xffb\xc3\x28\xed\xa0\x80c\xf0\x9f\x98", "ab(c"),
            (r"\x00\x1b[31m\x07\xef\xbb\xbf", "\0\x1b[31m\x07\ufeff"),
            (r"\x22\x5c</script>\xe2\x80\xa8", '"\\</script>\u2028'),
        ],
    )
    async def test_odd_bytes(self, attached: Victim, printed: str, content: str) -> None:
        """Invalid bytes are dropped, all others kept."""
        result = await attached.attack(BUSYBOX, f"printf '%b' '{printed}'; exit 1")

        assert result["stdout"] == {"content": content, "truncated": False}

    async def test_emoji(self, attached: Victim) -> None:
        """The limit counts bytes, and splits no character."""
        result = await attached.attack(
            PYTHON, "PYTHONUTF8=1 python3 -c 'print(\"x\" + chr(0x1F600) * 20000)'; exit 1"
        )

        content = result["stdout"]["content"]
        assert result["stdout"]["truncated"]
        assert content == "x" + "\U0001f600" * ((LONGEST - 1) // 4)


class TestFiles:
    """Programs that leave odd things behind."""

    async def test_two_hundred_thousand_files(self, attached: Victim) -> None:
        """What does not fit into an answer is left out, and the log says so."""
        result = await attached.attack(
            GCC, "seq -f f%06.0f 200000 | xargs touch 2>/dev/null; echo out; exit 1"
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n"), result["log"]
        assert len(result["created"]) == 16
        assert "not complete" in result["log"]["harvest"]

    async def test_a_hundred_megabytes_of_files(self, attached: Victim) -> None:
        """So is what would be too many bytes."""
        result = await attached.attack(
            GCC,
            "head -c 60000 /dev/zero | tr '\\0' x >0; for n in {1..1800}; do cp 0 $n; done; exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
        assert "not complete" in result["log"]["harvest"]

    async def test_a_petabyte_of_nothing(self, attached: Victim) -> None:
        """A sparse file is as large as the limit on files lets it be, and costs nothing."""
        result = await attached.attack(
            GCC, "truncate -s 1P huge 2>/dev/null; truncate -s 256M large; echo out; exit 1"
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n")
        assert result["created"].keys() <= {"huge"}

    async def test_what_is_no_file(self, attached: Victim) -> None:
        """Links to secrets, pipes, sockets, devices and loops are neither read nor returned."""
        result = await attached.attack(
            PYTHON,
            """ln -s /etc/passwd a; ln -s /proc/self/environ b; ln -s c c; ln -s /dev/zero d
mkfifo e; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("f")'; mknod g c 1 5
ln -s / root; ln -s .. up; rm -f cyber-dojo.sh; ln -s /etc/passwd cyber-dojo.sh; exit 1""",
        )

        assert (result["outcome"], result["created"], result["changed"]) == ("red", {}, {})

    async def test_names_of_our_own(self, attached: Victim) -> None:
        """Files named as ours are kept apart from ours, wherever they are."""
        result = await attached.attack(
            BUSYBOX,
            "mkdir -p tmp/dojo/cut; for f in stdout stderr status tmp/dojo/stdout tmp/dojo/cut/1.1"
            " tmp/dojo/cut/1.1.name; do echo mine >$f; done; exit 1",
        )

        assert (result["status"], result["stdout"]["content"]) == ("1", "")
        assert len(result["created"]) == 6

    async def test_forged_beginnings(self, attached: Victim) -> None:
        """Forging what beginnings.sh prints spoils the forger's own answer only."""
        result = await attached.attack(
            BUSYBOX,
            "mkdir /tmp/dojo/cut;"
            " echo forged >/tmp/dojo/cut/9.9; printf sandbox/../etc/x >/tmp/dojo/cut/9.9.name;"
            " echo forged >/tmp/dojo/cut/8.8; printf tmp/dojo/stdout >/tmp/dojo/cut/8.8.name;"
            " exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1")

    async def test_files_that_change_under_the_harvest(self, attached: Victim) -> None:
        """Nobody is left to change them: everything is ended first."""
        result = await attached.attack(
            BUSYBOX,
            "(trap '' TERM; while :; do echo x >>grows; rm -f goes; echo x >goes; done) & exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]


class TestTimes:
    """Programs that will not end."""

    async def test_they_are_ended(self, attached: Victim) -> None:
        """Whatever they wait for, and however deaf they are."""
        scripts = (
            "while :; do :; done",
            "exec tail -f /dev/null",
            "trap '' TERM HUP INT QUIT; while :; do sleep 1; done",
            "kill -STOP $$",
            "mkfifo pipe; read -r x <pipe",
            "set -m; (trap '' TERM; while :; do :; done) & fg",
        )

        results = await asyncio.gather(
            *(attached.daemon.run(BUSYBOX, f"echo begun; {one}", seconds=1) for one in scripts)
        )

        for result in results:
            assert_timed_out(result)
            assert result["stdout"]["content"].startswith("begun\n")
        await attached.is_well(BUSYBOX)

    async def test_no_limit_is_no_freedom(self, attached: Victim) -> None:
        """A limit of nothing means a second, not for ever."""
        limits: tuple[Any, ...] = (0, -1, "0", 1e-9)

        results = await asyncio.gather(
            *(attached.daemon.run(BUSYBOX, "while :; do :; done", seconds=one) for one in limits)
        )

        for result in results:
            assert_timed_out(result)
            assert result["log"]["reason"] == "stopped after 1 s"


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
    """What each call that no kata needs was answered, by each delivery."""
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
    """Name spaces, mounts, keys, modules, raw sockets, the kernel's memory: all refused."""
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
    """No secret in PID 1's environment, no mount of the host, no other container's process."""
    result = await victim.attack(GCC, LOOK_AROUND)

    environment, _, rest = result["stdout"]["content"].partition("mounts\n")
    mounts, _, processes = rest.partition("processes\n")
    # With exec delivery PID 1 is another user's, so not even this much is to be seen.
    assert set(environment.split()) <= {"PATH", "HOSTNAME", "HOME", "CYBER_DOJO_SANDBOX"}
    inits = ("/sbin/docker-init", "/usr/sbin/docker-init", "/dev/init")
    # In a cell there is the place where the launcher is, empty.
    assert set(mounts.split()) <= {*inits, "/.dojo"}
    # A cell's own init, which is a copy of the launcher.
    ours = ("bash ", "tr ", "head ", "/.dojo/cells ", *inits)
    assert [line for line in processes.splitlines() if not line.startswith(ours)] == []


def test_the_log_holds_no_bug(daemons: dict[str, Daemon]) -> None:
    """Hostile programs are no reason for an error of the daemon's own; its log is all JSON."""
    for one in daemons.values():
        assert all({"time", "level", "message"} <= event.keys() for event in one.log())
        assert not [event for event in one.log() if "unexpected" in event["message"]]
