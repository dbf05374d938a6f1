"""What is in inside/*.sh, in real containers: both deliveries, cells, four userlands."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from enum import Enum
from typing import Any

import pytest
import pytest_asyncio

from pool import ContainerSpec, Delivery, DockerClient
from runner.cells.lockdown import cell_spec_of
from runner.kata import Outcome, RunResult
from tests.runner.cells.support import launcher_volume
from tests.runner.katas import DOCKER_HOST, Katas, katas

pytestmark = pytest.mark.docker

GNU = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"
MINIMAL = "dojo-runner/minimal:latest"
MUSL = "dojo-runner/musl:latest"

LONGEST = 50 * 1024
LARGE = 300_000

# The smallest image has no programs for these: `nap S` waits, `fill FILE BYTES` writes, `wipe DIR`
# empties.
TOOLS = """
exec 9<> <(:)
nap() { read -r -t "$1" -u 9 _; }
fill() {
  local text=x
  while ((${#text} < $2)); do text+=$text; done
  printf %s "${text:0:$2}" >"$1"
}
wipe() { rm -rf "$1"/* 2>/dev/null || find "$1" -mindepth 1 -delete; }
"""


class Way(Enum):
    """How a run comes into its container."""

    ATTACH = "attach"
    EXEC = "exec"
    CELLS = "cells"


@pytest_asyncio.fixture(scope="module")
async def ways() -> AsyncIterator[dict[Way, Katas]]:
    """Runners of kata, one for each way."""
    client = DockerClient(DOCKER_HOST, lambda error: None)
    labels = {
        way: {"dojo-runner.test": f"in-container-{way.value}-{uuid.uuid4().hex}"} for way in Way
    }
    async with launcher_volume(client) as volume:

        def in_cells(spec: ContainerSpec) -> ContainerSpec:
            return replace(cell_spec_of(spec, volume), most_runs=1000)

        async with (
            katas(Delivery.ATTACH, labels[Way.ATTACH]) as attach,
            katas(Delivery.EXEC, labels[Way.EXEC]) as execs,
            katas(Delivery.ATTACH, labels[Way.CELLS], in_cells) as cells,
        ):
            yield {Way.ATTACH: attach, Way.EXEC: execs, Way.CELLS: cells}
    await client.close()


Run = Callable[..., Awaitable[RunResult]]


@pytest.fixture
def run(ways: dict[Way, Katas], way: Way, image: str) -> Run:
    """Runs a script in an image, in a way; see `everywhere` and `mostly`."""

    async def run(script: str, **how: Any) -> RunResult:
        return await ways[way].run(image, TOOLS + script, **how)

    return run


_IMAGES = {"gnu": GNU, "busybox": BUSYBOX, "minimal": MINIMAL, "musl": MUSL}
_PLACES = {f"{name}-{way.value}": (image, way) for name, image in _IMAGES.items() for way in Way}


def _at(*names: str) -> pytest.MarkDecorator:
    places = [_PLACES[name] for name in names]
    return pytest.mark.parametrize(("image", "way"), places, ids=names)


# What depends on both, what depends on the userland, what depends on the way, and neither.
everywhere = _at(*_PLACES)
mostly = _at("gnu-attach", "busybox-attach", "minimal-attach", "busybox-exec", "busybox-cells")
by_userland = _at("gnu-attach", "busybox-attach", "musl-attach", "minimal-attach", "musl-cells")
by_way = _at("gnu-attach", "gnu-exec", "gnu-cells")
once = _at("gnu-attach")


class TestProgram:
    """What comes of a program that ends by itself."""

    @everywhere
    async def test_everything_it_leaves_comes_back(self, run: Run) -> None:
        """Both outputs, the status, and what was created or changed come back."""
        result = await run(
            'echo out; echo err >&2; echo new >new; echo more >>old; echo in >"d/a b"; exit 7',
            files={"old": "old\n", "same": "same\n", "d/same": ""},
        )

        assert (result.outcome, result.status, result.log) == (Outcome.AMBER, "7", {})
        assert (result.stdout.content, result.stderr.content) == ("out\n", "err\n")
        assert {name: text.content for name, text in result.created.items()} == {
            "new": "new\n",
            "d/a b": "in\n",
        }
        assert {name: text.content for name, text in result.changed.items()} == {
            "old": "old\nmore\n"
        }

    @everywhere
    async def test_it_starts_as_the_contract_says(self, run: Run) -> None:
        """A program starts in /sandbox, without input, with files of mode 0644 and its
        request's variables.
        """
        result = await run(
            'pwd; read -r x || echo "no stdin"; echo "$CYBER_DOJO_ID $CYBER_DOJO_IMAGE_NAME";'
            " find . -type f -perm 0644 -user 41966 -group 51966 -name 'a*'; find sub -type d",
            files={"a": "", "sub/deep/ab": ""},
        )

        lines = result.stdout.content.splitlines()
        assert lines[:3] == ["/sandbox", "no stdin", lines[2]]
        assert lines[2].startswith("id dojo-runner/")
        assert sorted(lines[3:]) == ["./a", "./sub/deep/ab", "sub", "sub/deep"]

    @by_way
    async def test_it_is_told_no_secret_and_finds_no_descriptor(
        self, ways: dict[Way, Katas], image: str, way: Way
    ) -> None:
        """The nonce is in none of its variables, arguments or open descriptors."""
        result = await ways[way].run(
            image,
            "env | grep -iE 'nonce|limit|whole'; echo $# $BASH_ARGC; readlink /proc/$$/fd/*",
        )

        assert result.stdout.content.splitlines() == [
            "0 0",
            "/dev/null",
            "/tmp/dojo/stdout",
            "/tmp/dojo/stderr",
            "/sandbox/cyber-dojo.sh",
        ]

    @pytest.mark.parametrize(
        ("ending", "status"),
        [
            ("exit 0", "0"),
            ("exit 255", "255"),
            ("exit 256", "0"),
            ("kill -SEGV $$", "139"),
            ("kill -TERM $$", "143"),
            ("kill -KILL $$", "137"),
            ("no-such-command", "127"),
            ("if", "2"),
            ("/sandbox/data", "126"),
        ],
    )
    @once
    async def test_its_status_is_bashs(self, run: Run, ending: str, status: str) -> None:
        """The status is an exit status, 128 and a signal's number, or what bash says of
        a script.
        """
        result = await run(ending, files={"data": "x"})

        assert result.status == status

    async def test_no_script(self, ways: dict[Way, Katas]) -> None:
        """Files without a cyber-dojo.sh give bash's own words and status."""
        result = await ways[Way.ATTACH].run(GNU, "mv cyber-dojo.sh x; exec bash ./cyber-dojo.sh")

        assert result.status == "127"
        assert "cyber-dojo.sh: No such file or directory" in result.stderr.content

    @mostly
    async def test_what_it_leaves_running_ends_with_it(self, run: Run) -> None:
        """A process in the background, even in a session of its own, changes nothing afterwards."""
        result = await run(
            """trap '' TERM INT HUP
( trap '' TERM INT HUP; while :; do echo more >>growing; done ) &
set -m; ( while :; do echo more >>growing; done ) & set +m
echo ended"""
        )

        assert (result.status, result.stdout.content) == ("0", "ended\n")

    @by_way
    async def test_setsid_does_not_outlive_it(self, run: Run) -> None:
        """A session of its own that ignores every signal is no way out."""
        result = await run(
            "setsid bash -c \"trap '' TERM INT HUP QUIT; while :; do :; done\" & disown; echo ended"
        )

        assert (result.status, result.stdout.content) == ("0", "ended\n")


class TestTimeOut:
    """What comes of a program that does not end by itself."""

    @everywhere
    async def test_traps_fire_and_what_was_printed_comes_back(self, run: Run) -> None:
        """Partial output and what traps on TERM and EXIT print come back, and no files."""
        result = await run(
            """trap 'echo on TERM; exit 3' TERM
trap 'echo on EXIT; echo on EXIT >&2' EXIT
echo begun; echo new >new
while :; do nap 0.02; done""",
            seconds=0.3,
        )

        assert (result.outcome, result.status) == (Outcome.TIMED_OUT, "142")
        assert result.stdout.content == "begun\non TERM\non EXIT\n"
        assert result.stderr.content.endswith("on EXIT\n")
        assert (result.created, result.changed) == ({}, {})
        assert result.log == {"reason": "stopped after 0.3 s"}

    @mostly
    async def test_a_trap_on_exit_alone_fires(self, run: Run) -> None:
        """A script that traps only EXIT is given the chance, too."""
        result = await run("trap 'echo on EXIT' EXIT; echo begun; while :; do :; done", seconds=0.3)

        assert result.outcome == Outcome.TIMED_OUT
        assert result.stdout.content == "begun\non EXIT\n"

    @mostly
    async def test_who_ignores_term_is_killed_after_a_second(self, run: Run) -> None:
        """A second after TERM comes KILL, whatever was trapped."""
        began_s = time.monotonic()

        result = await run(
            "trap '' TERM; trap 'echo never' EXIT; echo begun; while :; do :; done", seconds=0.3
        )

        assert result.outcome == Outcome.TIMED_OUT
        assert result.stdout.content == "begun\n"
        assert time.monotonic() - began_s > 1.3

    @mostly
    async def test_children_are_told_to_end_as_well(self, run: Run) -> None:
        """TERM goes to all of the program's group, so a tool's own clean-up runs."""
        result = await run(
            "bash -c 'trap \"echo child on TERM; exit\" TERM; while :; do :; done'; echo never",
            seconds=0.3,
        )

        assert result.outcome == Outcome.TIMED_OUT
        assert result.stdout.content == "child on TERM\n"

    @pytest.mark.parametrize("stop", ["kill -STOP $$", "kill -STOP -- -$$"])
    @by_way
    async def test_a_stopped_process_times_out(self, run: Run, stop: str) -> None:
        """A program that stops itself or its group is ended like any other."""
        result = await run(f"echo begun; {stop}; echo never", seconds=0.3)

        assert result.outcome == Outcome.TIMED_OUT
        assert result.stdout.content == "begun\n"

    @by_userland
    async def test_waiting_for_input_ends_at_once(self, run: Run) -> None:
        """A program that reads stdin reads its end, as nobody types."""
        result = await run('read -r line; echo "read $?"', seconds=5)

        assert result.stdout.content == "read 1\n"

    @by_userland
    async def test_the_limit_is_a_fraction_if_it_must(self, run: Run) -> None:
        """0.7 seconds are enough for 0.3 and not for 3."""
        ended = await run("nap 0.3; echo ended", seconds=0.7)
        stopped = await run("nap 3; echo ended", seconds=0.7)

        assert (ended.status, ended.stdout.content) == ("0", "ended\n")
        assert (stopped.outcome, stopped.stdout.content) == (Outcome.TIMED_OUT, "")

    @by_way
    async def test_a_group_of_its_own_does_not_escape(self, run: Run) -> None:
        """What left the program's group is not told TERM, but is killed all the same."""
        result = await run("setsid bash -c 'while :; do :; done' & echo begun; wait", seconds=0.3)

        assert result.outcome == Outcome.TIMED_OUT
        assert result.stdout.content == "begun\n"


class TestLargeFiles:
    """What comes of texts over the limit, and of large files that were sent."""

    @pytest.mark.parametrize("size", [LONGEST, LONGEST + 1, 65_536, 65_537, LARGE])
    @by_userland
    async def test_outputs_are_cut(self, run: Run, size: int) -> None:
        """An output of 50 KiB is whole, one byte more is truncated, and so are both
        outputs at any size.
        """
        result = await run(
            f"fill /tmp/x {size}; printf '%s' \"$(</tmp/x)\"; printf '%s' \"$(</tmp/x)\" >&2"
        )

        for text in (result.stdout, result.stderr):
            assert len(text.content) == min(size, LONGEST)
            assert text.truncated == (size > LONGEST)
        assert result.status == "0"

    @everywhere
    async def test_an_output_with_nuls_is_cut_like_any_other(self, run: Run) -> None:
        """However many follow one another, and wherever the cut is."""
        result = await run(
            "fill /tmp/x 70000; text=$(</tmp/x);"
            " printf 'a\\0\\0\\0\\0\\0b\\0%s' \"$text\";"
            ' printf \'%s\\0\\0\\0\\0%s\' "${text:0:51198}" "$text" >&2'
        )

        assert result.stdout.content == ("a\0\0\0\0\0b\0" + "x" * LONGEST)[:LONGEST]
        assert result.stderr.content == "x" * 51198 + "\0\0"
        assert result.stdout.truncated
        assert result.stderr.truncated

    @by_way
    async def test_an_output_of_nuls_is_cut_like_any_other(self, run: Run) -> None:
        """It is a text by definition, and 50 KiB long."""
        result = await run("head -c 300000 /dev/zero")

        assert result.stdout.content == "\0" * LONGEST
        assert result.stdout.truncated

    @everywhere
    async def test_created_files_are_cut(self, run: Run) -> None:
        """A large new file comes back as its beginning, and says so."""
        result = await run(f"fill small {LONGEST}; fill large {LARGE}; fill 'odd\nname' {LARGE}")

        assert sorted(result.created) == ["large", "odd\nname", "small"]
        assert not result.created["small"].truncated
        for name in ("large", "odd\nname"):
            assert result.created[name].truncated
            assert result.created[name].content == "x" * LONGEST

    @by_way
    async def test_a_large_binary_stays_a_binary(self, run: Run) -> None:
        """Cutting does not hide the bytes by which libmagic tells a binary."""
        result = await run("head -c 300000 /dev/zero >zeros; cp /bin/bash program")

        assert result.created == {}
        assert result.status == "0"

    @by_userland
    async def test_a_character_on_the_cut_is_dropped_whole(self, run: Run) -> None:
        """The text ends before a character that the limit would split."""
        result = await run(f"fill /tmp/x {LONGEST - 1}; printf '%sé%s' \"$(</tmp/x)\" tail")

        assert result.stdout.content == "x" * (LONGEST - 1)
        assert result.stdout.truncated

    @mostly
    async def test_a_large_file_that_was_not_touched_is_not_reported(self, run: Run) -> None:
        """A sent file that was not touched is not reported, whatever its size, beside
        one that was.
        """
        sent = {"large": "a" * LARGE, "other": "b" * (LARGE + 1)}

        result = await run("printf '%s' x >>other", files=sent)

        assert list(result.changed) == ["other"]
        assert result.changed["other"].truncated
        assert result.created == {}

    @by_userland
    async def test_a_large_file_changed_at_its_end_is_reported(self, run: Run) -> None:
        """A changed file is reported even when its size and its first 50 KiB are as they were."""
        result = await run(
            "text=$(<large); printf '%s' \"${text:0:299999}b\" >large", files={"large": "a" * LARGE}
        )

        assert list(result.changed) == ["large"]
        assert result.changed["large"].content == "a" * LONGEST
        assert result.changed["large"].truncated

    @by_userland
    async def test_a_large_file_that_was_cut_short_is_whole(self, run: Run) -> None:
        """What is left of it is not truncated."""
        result = await run("echo short >large", files={"large": "a" * LARGE})

        assert result.changed["large"].content == "short\n"
        assert not result.changed["large"].truncated


class TestFullFolders:
    """What comes of a program that leaves no room for ours."""

    @pytest.mark.parametrize("what", ["head -c 300M /dev/zero", "yes 'a line'"])
    @by_way
    async def test_a_full_tmp(self, run: Run, what: str) -> None:
        """Status, outputs and files come back though /tmp has no byte left."""
        result = await run(
            f"echo out; {what} >/tmp/full 2>/dev/null; echo lost; echo new >new; exit 3", seconds=10
        )

        assert result.status == "3"
        assert result.stdout.content.startswith("out\n")
        assert result.created["new"].content == "new\n"

    @by_way
    async def test_outputs_that_fill_tmp(self, run: Run) -> None:
        """What was printed may itself be what fills /tmp."""
        result = await run("yes 2>/dev/null; echo new >new; exit 4", seconds=10)

        assert result.status == "4"
        assert result.stdout.content == "y\n" * (LONGEST // 2)
        assert result.stdout.truncated
        assert result.created["new"].content == "new\n"

    @by_way
    async def test_a_full_sandbox(self, run: Run) -> None:
        """A full /sandbox hinders no harvest; what was sent and kept is not reported."""
        result = await run(
            "head -c 300M /dev/zero >full 2>/dev/null; echo new >new; echo out; exit 5",
            files={"kept": "kept"},
        )

        assert (result.status, result.stdout.content) == ("5", "out\n")
        assert result.changed == {}

    @by_way
    async def test_no_inode_left(self, run: Run) -> None:
        """64k empty files end in a full /tmp, not in a lost answer."""
        result = await run(
            "cd /tmp; mkdir m; cd m; seq 70000 | xargs touch 2>/dev/null; echo out; exit 6"
        )

        assert (result.status, result.stdout.content) == ("6", "out\n")

    @everywhere
    async def test_tmp_wiped(self, ways: dict[Way, Katas], run: Run) -> None:
        """Without its status file a run has status 145, and its colour is still asked for."""
        result = await run("wipe /tmp; echo new >new; exit 0", files={"kept": "kept"})

        assert (result.outcome, result.status) == (Outcome.AMBER, "145")
        # Once for all images and ways that share a light: the colour is known then.
        assert "145" in {status for katas in ways.values() for status in katas.light.asked}
        assert result.created["new"].content == "new\n"

    @mostly
    async def test_the_sandbox_wiped(self, run: Run) -> None:
        """Deleted files are not reported, nor is their folder missed."""
        result = await run("echo out; wipe /sandbox", files={"a": "a", "b/c": "c"})

        assert (result.status, result.stdout.content) == ("0", "out\n")
        assert (result.created, result.changed) == ({}, {})


class TestOddFiles:
    """What comes of odd names, depths, kinds and rights of files."""

    @mostly
    async def test_a_hundred_files(self, run: Run) -> None:
        """Of a hundred new texts the first 16 come back; of changed ones all."""
        sent = {f"sent_{number:03}": "x" for number in range(100)}

        result = await run(
            'for n in {100..199}; do echo "$n" >"new_$n"; done;'
            ' for f in sent_*; do echo y >"$f"; done',
            files=sent,
        )

        assert list(result.created) == [f"new_{number}" for number in range(100, 116)]
        assert list(result.changed) == sorted(sent)

    @by_way
    async def test_folders_a_thousand_deep(self, run: Run) -> None:
        """Too deep to be named is too deep to be returned; the rest comes back."""
        result = await run(
            """echo new >new; python3 -c '
import os
for _ in range(1000):
    os.mkdir("deeper")
    os.chdir("deeper")
open("bottom", "w").write("x")'"""
        )

        assert result.status == "0"
        assert result.created["new"].content == "new\n"

    @mostly
    async def test_what_is_sent_is_there(self, run: Run) -> None:
        """Files of any size and name are there, writable, with the time of their request."""
        sizes = (0, 1, 511, 512, 513, 65_536, 65_537, 300_000)
        sent = {f"of_{size}": "x" * size for size in sizes}
        sent |= {"n" * size: "name" for size in (91, 92, 93, 100, 101, 255)}
        sent |= {"/".join(["d" * 100] * depth) + "/f": "deep" for depth in (1, 5, 30)}

        result = await run(
            "find . -type f ! -name cyber-dojo.sh -mmin -5 -size +0"
            """ -exec bash -c 'for f; do printf y >>"$f"; done' bash {} +; printf y >>of_0""",
            files=sent,
        )

        assert (result.status, result.created) == ("0", {})
        assert sorted(result.changed) == sorted(sent)
        small = {name for name, content in sent.items() if len(content) < LONGEST}
        found = {name: text.content for name, text in result.changed.items() if name in small}
        assert found == {name: sent[name] + "y" for name in small}

    @mostly
    async def test_names(self, run: Run) -> None:
        """Any name that JSON can say makes the way there and back."""
        names = [
            "new\nline",
            "-rf",
            "a b",
            "&",
            "'single'",
            '"double"',
            "$(echo x)",
            "`echo x`",
            "*",
            "[a-z]+(.*)?",
            "back\\slash",
            "tab\t",
            ".dot",
            "ünï/cödé",
            "😀",
            "x" * 200,
            "d" * 200 + "/" + "e" * 200,
            "stdout",
            "tmp/dojo/status",
            ".name",
        ]
        sent = dict.fromkeys(names, "sent")

        result = await run(
            "find . -type f ! -name cyber-dojo.sh | while IFS= read -r f; do :; done;"
            ' while IFS= read -r -d "" f; do printf %s changed >"$f"; done'
            " < <(find . -type f ! -name cyber-dojo.sh -print0)",
            files=sent,
        )

        assert result.status == "0"
        assert sorted(result.changed) == sorted(names)
        assert {text.content for text in result.changed.values()} == {"changed"}
        assert result.created == {}

    @by_userland
    async def test_a_name_that_is_no_utf8_is_left_out(self, run: Run) -> None:
        """A file whose name JSON cannot say is left out, and the rest comes back."""
        result = await run("echo x >$'\\xff\\xfe'; echo new >new")

        assert list(result.created) == ["new"]

    @by_way
    async def test_only_regular_files_are_returned(self, run: Run) -> None:
        """Links are not followed, pipes and sockets not read, folders not mistaken for files."""
        result = await run(
            """ln -s /etc/passwd passwd; ln -s /proc/self/environ environ; ln -s loop loop
ln -s nowhere dangling; mkfifo pipe; mkdir folder.txt
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("socket")'
mknod device c 1 3 2>/dev/null; echo new >new; ln new hard"""
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "hard": "new\n",
            "new": "new\n",
        }

    @mostly
    async def test_read_only_and_unreadable_files(self, run: Run) -> None:
        """A file that not even we may read is left out; the rest comes back."""
        result = await run(
            "umask 0777; echo x >none; umask 0222; echo only >only; umask 0; echo last >last"
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "only": "only\n",
            "last": "last\n",
        }

    @by_way
    async def test_a_locked_folder_hides_only_itself(self, run: Run) -> None:
        """What our own user may not enter is not returned, and nothing else is lost."""
        result = await run("mkdir locked; echo x >locked/x; chmod 0 locked; echo new >new; exit 8")

        assert (result.status, list(result.created)) == ("8", ["new"])

    @by_way
    async def test_sparse_files(self, run: Run) -> None:
        """A file of 200 MiB that holds nothing costs nobody anything."""
        result = await run("truncate -s 200M sparse; truncate -s 256M /tmp/x; echo new >new")

        assert (result.status, list(result.created)) == ("0", ["new"])

    @by_way
    async def test_many_large_files(self, run: Run) -> None:
        """The harvest ends in time whatever there is to be cut."""
        result = await run("fill 0 70000; for n in {1..700}; do cp 0 $n; done; echo out")

        assert (result.status, result.stdout.content) == ("0", "out\n")
        assert len(result.created) == 16

    @by_userland
    async def test_small_texts(self, run: Run) -> None:
        """Files of no and of one byte are texts, whatever the byte."""
        result = await run(
            "printf '' >none; printf '\\0' >nul; printf 'x' >x; printf '\\0\\0' >two"
        )

        assert {name: text.content for name, text in result.created.items()} == {
            "none": "",
            "nul": "\0",
            "x": "x",
        }


class TestOwnPlaces:
    """What comes of a program that meddles with what is ours."""

    @everywhere
    async def test_our_script_rewritten(self, run: Run) -> None:
        """What runs after the program was read before it: no file of the program's takes its place.

        Not in the script's place, nor in that of a program which the script calls.
        """
        result = await run(
            "plant() { printf '#!/bin/bash\\necho hacked\\n' >$1; chmod +x $1; } 2>/dev/null;"
            " for place in /tmp /tmp/dojo /sandbox ~; do"
            " for name in main.sh cut.sh tar find bash; do plant $place/$name; done; done;"
            f" fill large {LARGE}; fill /tmp/dojo/stderr {LARGE}; echo out"
        )

        assert (result.outcome, result.status, result.log) == (Outcome.GREEN, "0", {})
        assert (result.stdout.content, result.stderr.truncated) == ("out\n", True)
        assert result.created["large"].content == "x" * LONGEST

    @pytest.mark.parametrize(
        "forged", ["0\\n1", "abc", "12345678901234567890", "\\0\\0\\0", "99999"]
    )
    @by_way
    async def test_a_status_that_was_written_before(self, run: Run, forged: str) -> None:
        """What a program puts into the status file is written over by its real status."""
        result = await run(f"printf '{forged}' >/tmp/dojo/status; exit 1")

        assert result.outcome in (Outcome.RED, Outcome.AMBER)
        assert isinstance(result.status, str)

    @by_way
    async def test_outputs_replaced_by_links(self, run: Run) -> None:
        """A link in an output's place is not followed."""
        result = await run(
            "cd /tmp/dojo; rm stdout stderr; ln -s /etc/passwd stdout; mkfifo stderr; exit 1"
        )

        assert (result.status, result.stdout.content, result.stderr.content) == ("1", "", "")

    async def test_runs_at_once_are_not_mixed_up(self, ways: dict[Way, Katas]) -> None:
        """Each answer is its own request's, in all ways at once."""
        numbers = range(10)

        results = await asyncio.gather(
            *(
                ways[list(Way)[number % 3]].run(BUSYBOX, f"echo {number}; exit {number}")
                for number in numbers
            )
        )

        assert [result.stdout.content for result in results] == [f"{n}\n" for n in numbers]
        assert [result.status for result in results] == [str(n) for n in numbers]
