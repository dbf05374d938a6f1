"""What comes of texts over the limit and of full folders, in real containers."""

import re

import pytest

from runner.kata import Outcome
from tests.runner.container.inside.places import (
    LARGE,
    LONGEST,
    Run,
    Way,
    by_userland,
    by_way,
    everywhere,
    mostly,
)
from tests.runner.katas import Katas

pytestmark = pytest.mark.docker


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
        """An output of NULs is a text by definition, and is cut to 50 KiB."""
        result = await run("head -c 300000 /dev/zero")

        assert result.stdout.content == "\0" * LONGEST
        assert result.stdout.truncated

    @everywhere
    async def test_created_files_are_cut(self, run: Run) -> None:
        """The beginning of a large new file is returned, and the answer says so."""
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

    @mostly
    async def test_large_files_beyond_the_limit_are_counted(self, run: Run) -> None:
        """Of 203 large new files at least three are not even looked at, and the log says how many.

        A slow machine reads fewer, as the harvest has a time limit, too.
        """
        result = await run("for n in {100..302}; do fill large_$n 65537; done")

        told = re.fullmatch(
            r"(\d+) files of over 64 KiB: too many to be read", result.log["too_many"]
        )
        assert told
        assert 3 <= int(told[1]) < 203
        assert set(result.log) == {"too_many"}

    @mostly
    async def test_no_more_than_sixteen_large_texts_are_created(self, run: Run) -> None:
        """The contract's number of created files holds for those that are cut, too."""
        result = await run("for n in {100..119}; do fill large_$n 65537; done")

        assert len(result.created) == 16

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
        """A large file that the program has shortened is returned whole, and not truncated."""
        result = await run("echo short >large", files={"large": "a" * LARGE})

        assert result.changed["large"].content == "short\n"
        assert not result.changed["large"].truncated


class TestFullFolders:
    """What comes of a program that leaves no room for ours."""

    @pytest.mark.parametrize("what", ["head -c 300M /dev/zero", "yes 'a line'"])
    @by_way
    async def test_a_full_tmp(self, run: Run, what: str) -> None:
        """Status, outputs and files are returned although /tmp has no byte left."""
        result = await run(
            f"echo out; {what} >/tmp/full 2>/dev/null; echo not lost; echo new >new; exit 3",
            seconds=10,
        )

        assert result.status == "3"
        assert result.stdout.content == "out\nnot lost\n"
        assert result.created["new"].content == "new\n"
        assert result.log == {"full": "no room was left at the end in /tmp"}

    @by_way
    async def test_outputs_without_end(self, run: Run) -> None:
        """What was printed may fill its place, and no other."""
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
        assert result.log == {"full": "no room was left at the end in /sandbox"}

    @by_way
    async def test_a_full_folder_of_a_run_that_timed_out(self, run: Run) -> None:
        """The log says so, as it may be why the program did not end."""
        result = await run(
            "head -c 300M /dev/zero >/tmp/full 2>/dev/null; echo out; while :; do nap 1; done",
            seconds=5,
        )

        assert (result.outcome, result.stdout.content) == (Outcome.TIMED_OUT, "out\n")
        assert result.log["full"] == "no room was left at the end in /tmp"

    @pytest.mark.long  # bash alone takes three seconds of CPU to fill /tmp, and on musl far more
    @mostly
    async def test_a_folder_that_bash_has_filled_before_the_time_out(self, run: Run) -> None:
        """The log says so, whatever programs an image has."""
        result = await run(
            "text=$(printf '%1048576s' x); echo out;"
            ' while printf %s "$text" >>/tmp/full; do :; done 2>/dev/null;'
            " while :; do nap 1; done",
            seconds=20,
        )

        assert (result.outcome, result.stdout.content) == (Outcome.TIMED_OUT, "out\n")
        assert result.log["full"] == "no room was left at the end in /tmp"

    @by_way
    async def test_a_folder_that_cannot_be_written_to_is_not_full(self, run: Run) -> None:
        """A folder that cannot be written to for want of rights does not count as full."""
        result = await run("chmod 555 /sandbox ~")

        assert (result.status, result.log) == ("0", {})

    @by_way
    async def test_no_inode_left(self, run: Run) -> None:
        """64k empty files end in a full /tmp, not in a lost answer."""
        result = await run(
            "cd /tmp; mkdir m; cd m; seq 70000 | xargs touch 2>/dev/null; echo out; exit 6"
        )

        assert (result.status, result.stdout.content) == ("6", "out\n")
        assert result.log == {"full": "no room was left at the end in /tmp"}

    @everywhere
    async def test_tmp_wiped(self, run: Run) -> None:
        """A program that wipes /tmp loses nothing of ours."""
        result = await run("echo out; wipe /tmp; exit 3")

        assert (result.status, result.stdout.content, result.log) == ("3", "out\n", {})

    @everywhere
    async def test_our_place_wiped(self, run: Run) -> None:
        """A program that removes what it has printed loses that, and nothing else."""
        result = await run("echo out; wipe /.dojo; echo new >new; exit 3")

        assert (result.status, result.stdout.content) == ("3", "")
        assert result.created["new"].content == "new\n"

    @by_way
    async def test_no_status(self, ways: dict[Way, Katas], run: Run) -> None:
        """Without its status file a run has status 145, and its colour is still asked for."""
        script = "rm /.dojo/status; mkdir /.dojo/status; echo new >new; exit 0"
        result = await run(script, files={"kept": "kept"})

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
