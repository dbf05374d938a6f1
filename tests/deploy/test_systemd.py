"""The unit for systemd, as systemd-analyze sees it, and the time that it gives a stop."""

import sys
from pathlib import Path

import pytest

from tests.deploy.commands import ROOT, run

UNIT = ROOT / "deploy" / "systemd" / "dojo-runner.service"
PROGRAM = "/opt/dojo-runner/bin/dojo-runner"
# Of systemd's own measure of what a bug could do: 0 is nothing, 10 is all. It counts tenths.
MOST_EXPOSED = 20


@pytest.mark.tools
async def test_the_unit_is_well_formed(tmp_path: Path) -> None:
    """systemd-analyze finds no mistake, once the program is where the unit says."""
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace(PROGRAM, sys.executable))

    assert await run("systemd-analyze", "verify", str(unit)) == ""


@pytest.mark.tools
async def test_a_bug_could_do_little() -> None:
    """systemd's own measure of the unit's exposure stays low."""
    said = await run(
        *("systemd-analyze", "security", "--offline=true", "--no-pager"),
        f"--threshold={MOST_EXPOSED}",
        str(UNIT),
    )

    assert "Overall exposure level" in said


def test_time_to_end() -> None:
    """The unit's time to stop suffices for the longest run that a kata may ask for."""
    said = dict(line.split("=", 1) for line in UNIT.read_text().splitlines() if "=" in line)

    name, drains_s = said["Environment"].split("=")

    assert name == "CYBER_DOJO_RUNNER_DRAIN_S"
    assert int(drains_s) >= 20 + 3  # the last three seconds are for the removal of containers
    assert int(said["TimeoutStopSec"]) >= int(drains_s) + 5
