"""The benchmark itself, as small as it can be, on the real engine."""

import os
import shutil

import pytest

from bench.matrix import Plan, measure
from bench.report import section
from bench.results import CLASS, HARVEST, Found
from bench.ways import CELLS, LIMIT, MISS, WARM, WAYS, WayError
from scripts.daemon import ROOT, daemon

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(300)]

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="a chroot is root's to make")
needs_docker = pytest.mark.skipif(shutil.which("docker") is None, reason="`docker run` is a way")


def plan(*ways: str, workloads: tuple[str, ...] = ("true",), url: str = "") -> Plan:
    """A plan of one round, as short as it can be."""
    return Plan(ways, workloads, (1, 2), 0.01, 1, 1.5, 1, url)


@needs_root
@needs_docker
async def test_all_ways_are_measured_side_by_side() -> None:
    """Each way has its runs, hits where it is warm and misses where it is not; and a report."""
    result = await measure(plan(*WAYS, workloads=("true", HARVEST, CLASS)), "")

    found = Found([result])
    assert found.ways == list(WAYS)
    for way in WAYS:
        for at_once in (1, 2):
            cell = found.get(way, "true", at_once)
            assert cell is not None
            assert cell.runs >= at_once
            assert not cell.errors
            if way in (WARM, CELLS):
                assert (cell.hits, cell.misses) == (cell.runs, 0)
            if way == MISS:
                assert (cell.hits, cell.misses) == (0, cell.runs)
        assert found.harvest_ms(way) is not None
        assert found.of_class(way) is not None
    # A single short run may end between two ticks of the kernel's clock; not all of them do.
    assert sum(cell.busy_s for cell in found.cells) > 0
    assert "What was wanted" in section(found)


async def test_a_server_is_measured_by_its_url_alone() -> None:
    """Any server that speaks the contract can be measured."""
    with daemon(ROOT / ".state" / "bench-test.log", CYBER_DOJO_RUNNER_WARM="2") as url:
        result = await measure(plan(url=url), f"--url {url}")

    assert [cell.way for cell in result.cells] == ["server", "server"]
    assert all(cell.runs and not cell.errors for cell in result.cells)


async def test_a_server_that_is_not_there_is_said_so() -> None:
    """A server that does not answer is an error before anything is measured."""
    with pytest.raises(WayError, match="ClientConnectorError"):
        await measure(plan(url="http://127.0.0.1:1"), "")


@needs_root
async def test_a_lane_kills_nothing_but_its_own() -> None:
    """Two lanes at once do not end each other, although main.sh kills all processes of its user."""
    result = await measure(plan(LIMIT, workloads=("python",)), "")

    assert all(cell.runs and not cell.errors for cell in result.cells)
