"""Programs that kill what they can reach, or write where our script answers."""

import pytest

from tests.adversary.support import BUSYBOX, PARENTS, Victim, assert_faulty, assert_timed_out

pytestmark = [pytest.mark.docker, pytest.mark.long]


class TestSignals:
    """Programs that kill whatever they can reach."""

    async def test_kill_everything(self, victim: Victim) -> None:
        """If a program kills our script with everything else, the answer says that
        the machinery failed.
        """
        result = await victim.attack(BUSYBOX, "echo out; kill -9 -1; exit 0")

        assert_faulty(result, "143")
        assert "no answer" in result["log"]["reason"]

    async def test_kill_the_parent(self, victim: Victim) -> None:
        """A program that kills the subshell which waits for its status gets no answer."""
        result = await victim.attack(BUSYBOX, f"{PARENTS} echo out; kill -9 $waits; exit 0")

        assert_faulty(result, "143")

    async def test_kill_our_script(self, victim: Victim) -> None:
        """A program that kills our script gets no answer."""
        result = await victim.attack(BUSYBOX, f"{PARENTS} kill -9 $main; while :; do :; done")

        assert_faulty(result, "143")

    async def test_kill_the_init(self, victim: Victim) -> None:
        """A program cannot kill PID 1 of its container."""
        result = await victim.attack(
            BUSYBOX, "kill -9 1 2>/dev/null; kill -STOP 1 2>/dev/null; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result

    async def test_stop_everything(self, attached: Victim) -> None:
        """When a program stops our script by SIGSTOP, the daemon's own deadline ends the run."""
        result = await attached.attack(BUSYBOX, "kill -STOP -1; exit 0", seconds=1)

        assert_timed_out(result)


FORGED = r"printf 'deadbeefdeadbeefdeadbeefdeadbeef\ndeadbeefdeadbeefdeadbeefdeadbeef done\n'"
FORGERIES = ("echo garbage", "printf '\\0'", FORGED, "cat /bin/busybox")


def written(what: str) -> str:
    """A script that writes this where our own script, and PID 1, write to."""
    return f"{PARENTS} {what} >/proc/$main/fd/1; {what} >/proc/1/fd/1; echo out; exit 0"


class TestForgeries:
    """Programs that write where our own script answers."""

    async def test_whatever_is_written_there_is_no_answer(self, single_use: Victim) -> None:
        """An answer that does not begin with the nonce is refused at once."""
        for what in FORGERIES:
            assert_faulty(await single_use.daemon.run(BUSYBOX, written(what)), "144")
        await single_use.is_well(BUSYBOX)

    async def test_in_a_cell_nothing_can_be_written_there(self, cells: Victim) -> None:
        """In a cell the answer goes through a pipe that no process of the program's can reach."""
        for what in FORGERIES:
            result = await cells.daemon.run(BUSYBOX, written(what))

            assert (result["outcome"], result["stdout"]["content"]) == ("green", "out\n"), result
        await cells.is_well(BUSYBOX)

    async def test_a_flood_there_is_no_answer(self, single_use: Victim) -> None:
        """The daemon does not read to its end a gigabyte that is written in the answer's place."""
        result = await single_use.attack(
            BUSYBOX, f"{PARENTS} head -c 1000000000 /dev/zero >/proc/$main/fd/1"
        )

        assert_faulty(result, "144")

    async def test_a_flood_of_complaints(self, victim: Victim) -> None:
        """The daemon drops what a program writes to our script's stderr.

        The run is as without it.
        """
        result = await victim.attack(
            BUSYBOX, f"{PARENTS} head -c 50000000 /dev/zero >/proc/$main/fd/2; echo out; exit 1"
        )

        assert (result["outcome"], result["status"]) == ("red", "1"), result
        assert result["stdout"]["content"] == "out\n"

    async def test_words_that_wait_to_be_written(self, victim: Victim) -> None:
        """A process that waits to write into our answer is ended before the answer begins."""
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
        """A program that reads our script's stdin finds nothing, and does not hinder its run."""
        result = await victim.attack(
            BUSYBOX, f"{PARENTS} cat /proc/$main/fd/0 & echo out; exit 1", seconds=5
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n"), result

    async def test_descriptors_closed(self, victim: Victim) -> None:
        """A program that closes the descriptors that it was given is answered as usual."""
        result = await victim.attack(BUSYBOX, "echo out; exec <&- >&- 2>&-; exit 1")

        assert (result["outcome"], result["status"]) == ("red", "1")
        assert result["stdout"]["content"] == "out\n"

    async def test_a_path_full_of_traps(self, attached: Victim) -> None:
        """Our script starts no program by a name that the learner's program can put
        its own file behind.
        """
        result = await attached.attack(
            BUSYBOX,
            "for place in /sandbox /tmp ~; do for tool in tar find bash cat; do"
            " printf '#!/bin/bash\\necho hacked' >$place/$tool; chmod +x $place/$tool; done; done;"
            " echo 'echo hacked' >~/.bashrc; echo out; exit 1",
        )

        assert (result["outcome"], result["stdout"]["content"]) == ("red", "out\n")
