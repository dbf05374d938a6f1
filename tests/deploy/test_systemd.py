"""The unit for systemd, as systemd-analyze sees it."""

import sys
from pathlib import Path

import pytest

from tests.deploy.commands import ROOT, run

UNIT = ROOT / "deploy" / "systemd" / "dojo-runner.service"
PROGRAM = "/opt/dojo-runner/bin/dojo-runner"
# Of systemd's own measure of what a bug could do: 0 is nothing, 10 is all. It counts tenths.
MOST_EXPOSED = 20

pytestmark = pytest.mark.tools


async def test_the_unit_is_well_formed(tmp_path: Path) -> None:
    """systemd-analyze finds no mistake, once the program is where the unit says."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))

    assert await run("systemd-analyze", "verify", str(unit)) == ""


async def test_a_bug_could_do_little() -> None:
    """systemd's own measure of the unit's exposure stays low."""
    said = await run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager"),
        f"--threshold={MOST_EXPOSED}",
        str(UNIT),
    )

    assert "Overall exposure level" in said
