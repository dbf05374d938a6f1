"""What comes of a program that does not end by itself, in real containers."""

import time

import pytest

from runner.kata import Outcome
from tests.runner.container.inside.places import Run, by_userland, by_way, everywhere, mostly

pytestmark = pytest.mark.docker


class TestTimeOut:
    """What comes of a program that does not end by itself."""

    @everywhere
    async def test_traps_fire_and_what_was_printed_is_returned(self, run: Run) -> None:
        """Partial output and what traps on TERM and EXIT print are returned, and no files."""
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
