"""Programs that print or leave behind without end, or will not end."""

import asyncio
from typing import Any

import pytest

from tests.adversary.support import BUSYBOX, GCC, LONGEST, PYTHON, Victim, assert_timed_out

pytestmark = [pytest.mark.docker, pytest.mark.long]


class TestFloods:
    """Programs that print without end."""

    @pytest.mark.parametrize("where", ["", ">&2"])
    async def test_a_gigabyte(self, attached: Victim, where: str) -> None:
        """A program that prints a gigabyte fills /tmp.

        The beginning is returned, truncated, with the status.
        """
        result = await attached.attack(GCC, f"yes | head -c 1000000000 {where}; exit 1")

        text = result["stderr" if where else "stdout"]
        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
        assert text == {"content": "y\n" * (LONGEST // 2), "truncated": True}

    async def test_both_outputs_for_ever(self, victim: Victim) -> None:
        """A program that prints without end is ended at its limit, and the first
        bytes are returned.
        """
        result = await victim.attack(
            BUSYBOX, "yes out & yes err >&2 & trap '' TERM; while :; do wait; done", seconds=1
        )

        assert_timed_out(result)
        assert result["stdout"]["truncated"]
        assert result["stdout"]["content"].startswith("out\nout\n")
        assert result["stderr"]["truncated"]

    async def test_one_line_without_end(self, attached: Victim) -> None:
        """An output of 50 KiB without the end of a line is a text like any other."""
        result = await attached.attack(GCC, "head -c 200M /dev/zero | tr '\\0' x; exit 1")

        assert result["stdout"] == {"content": "x" * LONGEST, "truncated": True}

    async def test_a_million_writes_of_a_byte(self, attached: Victim) -> None:
        """Many small writes cost the daemon no more than a few large ones."""
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
        """Bytes of an output that are no UTF-8 are dropped, and all others are kept."""
        result = await attached.attack(BUSYBOX, f"printf '%b' '{printed}'; exit 1")

        assert result["stdout"] == {"content": content, "truncated": False}

    async def test_emoji(self, attached: Victim) -> None:
        """The limit of a text counts bytes, and splits no character."""
        result = await attached.attack(
            PYTHON, "PYTHONUTF8=1 python3 -c 'print(\"x\" + chr(0x1F600) * 20000)'; exit 1"
        )

        content = result["stdout"]["content"]
        assert result["stdout"]["truncated"]
        assert content == "x" + "\U0001f600" * ((LONGEST - 1) // 4)


class TestFiles:
    """Programs that leave odd things behind."""

    async def test_two_hundred_thousand_files(self, attached: Victim) -> None:
        """Files that do not fit into an answer are left out, and the log says so."""
        result = await attached.attack(
            GCC, "seq -f f%06.0f 200000 | xargs touch 2>/dev/null; echo out; exit 1"
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n"), result["log"]
        assert len(result["created"]) == 16
        assert "not complete" in result["log"]["harvest"]

    async def test_a_hundred_megabytes_of_files(self, attached: Victim) -> None:
        """Files of too many bytes for an answer are left out, and the log says so."""
        result = await attached.attack(
            GCC,
            # Sixty files by one process: it is not the number of processes that is tried here.
            "head -c 60000 /dev/zero | tr '\\0' x >0;"
            " for n in {0..29}; do tee $(seq $((60 * n + 1)) $((60 * n + 60))) <0 >/dev/null; done;"
            " exit 1",
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
        """Links to secrets, pipes, sockets, devices and loops in /sandbox are
        neither read nor returned.
        """
        result = await attached.attack(
            PYTHON,
            """ln -s /etc/passwd a; ln -s /proc/self/environ b; ln -s c c; ln -s /dev/zero d
mkfifo e; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind("f")'; mknod g c 1 5
ln -s / root; ln -s .. up; rm -f cyber-dojo.sh; ln -s /etc/passwd cyber-dojo.sh; exit 1""",
        )

        assert (result["outcome"], result["created"], result["changed"]) == ("red", {}, {})

    async def test_names_of_our_own(self, attached: Victim) -> None:
        """Files that are named as ours are kept apart from ours, wherever they are."""
        result = await attached.attack(
            BUSYBOX,
            "mkdir -p .dojo/cut; for f in stdout stderr status .dojo/stdout .dojo/cut/1.1"
            " .dojo/cut/1.1.name; do echo mine >$f; done; exit 1",
        )

        assert (result["status"], result["stdout"]["content"]) == ("1", "")
        assert len(result["created"]) == 6

    async def test_forged_beginnings(self, attached: Victim) -> None:
        """A program that forges what beginnings.sh prints spoils its own answer only."""
        result = await attached.attack(
            BUSYBOX,
            "mkdir /.dojo/cut;"
            " echo forged >/.dojo/cut/9.9; printf sandbox/../etc/x >/.dojo/cut/9.9.name;"
            " echo forged >/.dojo/cut/8.8; printf .dojo/stdout >/.dojo/cut/8.8.name;"
            " exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1")

    async def test_files_that_change_under_the_harvest(self, attached: Victim) -> None:
        """All processes are ended before the harvest, so none can change files during it.

        One of them waits for the status, which is written when none should be left, and then makes
        a file.
        """
        result = await attached.attack(
            BUSYBOX,
            "(trap '' TERM; while :; do echo x >>grows; rm -f goes; echo x >goes; done) &"
            " (trap '' TERM; until [[ $(</.dojo/status) == 1* ]]; do :; done; echo x >late) &"
            " exit 1",
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result["log"]
        assert "late" not in result["created"]


class TestTimes:
    """Programs that will not end."""

    async def test_they_are_ended(self, attached: Victim) -> None:
        """A program is ended at its limit whatever it waits for, and whatever
        signals it ignores.
        """
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
        """A time limit of 0 in the manifest means a second, and not for ever."""
        limits: tuple[Any, ...] = (0, -1, "0", 1e-9)

        results = await asyncio.gather(
            *(attached.daemon.run(BUSYBOX, "while :; do :; done", seconds=one) for one in limits)
        )

        for result in results:
            assert_timed_out(result)
            assert result["log"]["reason"] == "stopped after 1 s"
