"""What the daemon can take at the very most, added up from its bounds, fits into its container.

Each bound has a test of its own; what one byte costs was measured. See docs/reliability.md.
"""

import re
from pathlib import Path

import pytest
import yaml

from pool import docker_stream
from runner.container.answer import LARGE_ANSWER_BYTES, LARGEST_ANSWER_BYTES
from runner.http import bodies, unsent
from runner.operators import log_writer
from runner.run.run import LARGE_AT_ONCE
from runner.settings import MIB, Settings

ROOT = Path(__file__).parents[1]

ON_TWO_CORES = 3  # runs at once, by default

# Measured, and rounded up.
IDLE_BYTES = 60 * MIB
CONNECTION_BYTES = 15 * 1024  # beside what has come over it
ANSWER_COST = 3.2  # of each byte of an answer, until its JSON is made


def worst_bytes(places: int) -> dict[str, float]:
    """By what the memory is for, with so many runs at once and otherwise the default settings."""
    settings = Settings(_env_file=None)
    return {
        "the daemon, idle": IDLE_BYTES,
        "large bodies": settings.bodies_memory_mib * MIB,
        "smaller bodies": (places + settings.queue) * bodies.COST * bodies.FREE_BYTES,
        "connections": settings.connections * (bodies.FREE_BYTES + CONNECTION_BYTES),
        "lines of the log": log_writer.MOST_BYTES,
        "a large answer": LARGE_AT_ONCE * LARGEST_ANSWER_BYTES * ANSWER_COST,
        "other answers": (places - LARGE_AT_ONCE)
        * (LARGE_ANSWER_BYTES * ANSWER_COST + docker_stream._UNREAD_BYTES),
        "answers that are not taken": unsent.MOST_BYTES,
    }


def worst_mib(places: int) -> int:
    """The sum of all parts."""
    return round(sum(worst_bytes(places).values()) / MIB)


def document() -> str:
    """The page that tells of the daemon's memory."""
    return (ROOT / "docs/reliability.md").read_text()


def test_no_mix_of_requests_takes_more_than_compose_gives() -> None:
    """The bounds together fit into compose's memory, with compose's runs at once and
    with the default's on two cores.
    """
    replica = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["runner-1"]
    runs_at_once = replica["environment"]["CYBER_DOJO_RUNNER_RUNS_AT_ONCE"]
    limit_mib = int(replica["mem_limit"].removesuffix("m"))

    assert (
        worst_mib(int(runs_at_once.removeprefix("${RUNS_AT_ONCE:-").removesuffix("}"))) < limit_mib
    )
    assert worst_mib(ON_TWO_CORES) < limit_mib


@pytest.mark.parametrize("what", worst_bytes(ON_TWO_CORES))
def test_the_document_tells_each_part(what: str) -> None:
    """The document has each part in MiB, rounded."""
    [row] = re.findall(rf"^\| {re.escape(what)} \| (\d+) \|", document(), re.MULTILINE)

    assert int(row) == round(worst_bytes(ON_TWO_CORES)[what] / MIB)


def test_the_document_tells_the_sum() -> None:
    """The page tells the sums of the bounds, with the defaults on two and four cores
    and with compose's settings.
    """
    assert f"| **together** | **{worst_mib(ON_TWO_CORES)}** |" in document()
    assert f"is {worst_mib(2)} MiB" in document()
    assert f"is {worst_mib(5)} MiB" in document()


def test_who_moves_over_is_told_what_to_give() -> None:
    """The page about moving over has the sums, and the limit in its file is above that of four
    cores.
    """
    page = (ROOT / "docs/migrating.md").read_text()
    [limit_mib] = map(int, re.findall(r"^ +mem_limit: (\d+)m$", page, re.MULTILINE))

    for places in (2, ON_TWO_CORES, 5):
        assert f"{worst_mib(places)} MiB" in page
    assert worst_mib(5) < limit_mib
