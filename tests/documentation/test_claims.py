"""Every command of the pages is run by a test, or has a reason why none can run it."""

from dataclasses import replace

import pytest

from tests.documentation.claims import CLAIMS, REASONS, Claim
from tests.documentation.pages import ROOT, Command, commands, commands_of

MOST_REASONS = 9


def rows_of(command: Command) -> list[object]:
    """The rows of claims.py that match the command."""
    return [row for row in (*CLAIMS, *REASONS) if row.matches(command)]


@pytest.mark.parametrize("command", commands(), ids=str)
def test_one_row_matches_each_command(command: Command) -> None:
    """A command that no test runs is not in a page, and none is run twice in two ways."""
    assert len(rows_of(command)) == 1, f"{command.page} has {command.line!r}"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.test)
def test_each_claim_is_of_use(claim: Claim) -> None:
    """Each pattern of a claim matches a command in a page, and a test takes its
    commands from there.
    """
    for pattern in claim.patterns:
        assert any(replace(claim, patterns=(pattern,)).matches(one) for one in commands()), pattern

    assert "claimed_by(" in (ROOT / claim.test).read_text()


def test_reasons_are_few() -> None:
    """Few commands of the pages cannot be run here.

    The reason of each names a test of what can be.
    """
    found = [command for command in commands() if any(one.matches(command) for one in REASONS)]

    assert len(found) <= MOST_REASONS
    for reason in REASONS:
        assert any(reason.matches(command) for command in found), reason
        assert (ROOT / reason.test).is_file()


@pytest.mark.parametrize(
    "block", ["\n\n    frobnicate --now\n", "\n\n```sh\nfrobnicate --now\n```\n"]
)
def test_a_command_without_a_row_is_seen(block: str) -> None:
    """The rule would hold for every page if no command were found, or a row matched everything."""
    (text,) = commands_of(f"A page.{block}")

    assert text == "frobnicate --now"
    assert rows_of(Command("docs/a.md", text)) == []


@pytest.mark.parametrize(
    ("block", "texts"),
    [
        ("    a --b \\\n        c   # why\n", ["a --b c"]),
        ("    export A=1\n    b\n    c\n", ["export A=1\nb", "export A=1\nc"]),
        ("    a '{\n      \"b\": 1\n    }'\n    d\n", ["a '{\n  \"b\": 1\n}'", "d"]),
        ("```text\n    it printed this\n```\n", []),
    ],
)
def test_what_is_typed_at_once(block: str, texts: list[str]) -> None:
    """Of a page's commands comments are left out, continued lines are joined, and
    output is no command.
    """
    assert commands_of(f"A page.\n\n{block}\nIts end.\n") == texts
