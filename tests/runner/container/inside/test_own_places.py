"""What comes of a program that meddles with what is ours, in real containers."""

import asyncio

import pytest

from runner.kata import Outcome
from tests.runner.container.inside.places import (
    BUSYBOX,
    LARGE,
    LONGEST,
    Run,
    Way,
    by_way,
    everywhere,
)
from tests.runner.katas import Katas

pytestmark = pytest.mark.docker


class TestOwnPlaces:
    """What comes of a program that meddles with what is ours."""

    @everywhere
    async def test_our_script_rewritten(self, run: Run) -> None:
        """A program that rewrites our script, or a program that the script calls, changes nothing.

        All that runs after it was read before it.
        """
        result = await run(
            "plant() { printf '#!/bin/bash\\necho hacked\\n' >$1; chmod +x $1; } 2>/dev/null;"
            " for place in /tmp /.dojo /sandbox ~; do"
            " for name in main.sh cut.sh tar find bash; do plant $place/$name; done; done;"
            f" fill large {LARGE}; fill /.dojo/stderr {LARGE}; echo out"
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
        result = await run(f"printf '{forged}' >/.dojo/status; exit 1")

        assert result.outcome in (Outcome.RED, Outcome.AMBER)
        assert isinstance(result.status, str)

    @by_way
    async def test_outputs_replaced_by_links(self, run: Run) -> None:
        """A link in an output's place is not followed."""
        result = await run(
            "cd /.dojo; rm stdout stderr; ln -s /etc/passwd stdout; mkfifo stderr; exit 1"
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
