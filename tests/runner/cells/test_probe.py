"""A learner's program can do no more in a cell than in a container of its own."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from runner.cells.lockdown import MASKED
from tests.runner.cells.support import (
    cell_container,
    engine_of_cells,
    probing,
    report_of,
    single_use,
)
from tests.runner.katas import harvest_of

pytestmark = pytest.mark.docker

PYTHON = "dojo-runner/python-pytest:latest"

Report = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Difference:
    """A known difference; docs/security.md tells the same.

    `is_more`: a cell may do what a program may not in a container of its own.
    """

    section: str
    names: str
    reason: str
    is_more: bool = False


_NET = "/proc/sys/net"
DIFFERENCES = (
    Difference("acts", r"1/.*|ptrace 1", "the first process cannot be read or traced"),
    Difference("paths", r"/proc/1/.*", "the first process cannot be read or traced"),
    Difference("values", r"limit RLIMIT_(SIGPENDING|MSGQUEUE)", "a part of the user's"),
    Difference("values", r"content /proc/sys/user/max_(fa|i)notify_\w+", "a part of the user's"),
    Difference("values", r"content /proc/sys/fs/mqueue/\w+", "limited in bytes instead"),
    Difference("acts", r"socket (38|40) .*", "EAFNOSUPPORT, not EPERM"),
    Difference("values", r"content /proc/self/cgroup", "does not name the container"),
    Difference("values|paths", rf"(content )?{_NET}/core/xfrm_.*", "not in a user namespace"),
    Difference("values|paths", rf"(content )?{_NET}/ipv6/route/.*", "not in a user namespace"),
    Difference("values", rf"content {_NET}/ipv4/ping_group_range", "a cell has but one group"),
    Difference("values", r"content /proc/sys/user/max_\w+_namespaces", "none below a cell"),
    Difference("values", r"readable /proc/key-users", "keys of other users are not told"),
    Difference("values", r"stat (/|/dev|/etc)", "root is not in the cell: nobody in its place"),
    Difference("values", r"stat (/tmp|/dev/shm|/dev/mqueue)", "made by the cell: its own user's"),
    Difference("values", r"mount /proc/(acpi|scsi|asound)", "masks are sealed further"),
    Difference("values|paths", r"(mount )?/sys/firmware(/.*)?", "masks are sealed further"),
    Difference("values", r"mount /proc/interrupts", "masked, as by newer engines"),
    Difference("values|paths", r"(mount )?/sys/devices/virtual/powercap.*", "as by newer engines"),
    Difference("values|paths", r"(mount )?/sys/.*/thermal_throttle.*", "as by newer engines"),
    Difference("values|paths", r"(mount |content )?/sys/fs/cgroup/.*", "counters are masked"),
    Difference(
        "paths",
        "|".join(re.escape(path).replace(r"\*", r"\d+") for path in MASKED),
        "masked by /dev/null, as Docker masks: it takes writes, and forgets them",
        is_more=True,
    ),
)
# What a system call says when it is refused.
REFUSALS = {"EPERM", "EACCES", "ENOSYS", "EAFNOSUPPORT"}


@pytest_asyncio.fixture(scope="module")
async def reports() -> AsyncIterator[tuple[Report, Report]]:
    """The reports of one probe: in a container of its own, and in a cell.

    The kernel may load a module for something that the probe asks for, which shows in /proc and
    /sys. So one report is made beforehand, and passed over.
    """
    spec = single_use(PYTHON)
    async with engine_of_cells() as engine:
        await harvest_of(engine.containers, spec, probing(PYTHON))
        alone = report_of(await harvest_of(engine.containers, spec, probing(PYTHON)))
        async with cell_container(engine.containers, engine.launcher, spec) as container:
            yield alone, report_of(await container.run(probing(PYTHON)))


def is_more(section: str, alone: str | None, in_cell: str | None) -> bool:
    """Whether the second may more than the first; what is only told is never more."""
    if section == "paths":
        return not set(in_cell or "") <= set(alone or "")
    if section in ("acts", "calls"):
        return in_cell not in REFUSALS
    return False


@pytest.mark.parametrize("section", ["paths", "calls", "acts", "values"])
def test_every_difference_is_known(reports: tuple[Report, Report], section: str) -> None:
    """A cell may do as much as a container of its own or less; the table has a reason
    for each difference.
    """
    alone, in_cell = (report[section] for report in reports)
    unexplained = {}
    for name in alone.keys() | in_cell.keys():
        one, other = alone.get(name), in_cell.get(name)
        if one == other:
            continue
        more = is_more(section, one, other)
        if not any(
            re.fullmatch(known.section, section)
            and re.fullmatch(known.names, name)
            and known.is_more >= more
            for known in DIFFERENCES
        ):
            unexplained[name] = (one, other)

    assert unexplained == {}


def test_the_probe_sees_what_it_should(reports: tuple[Report, Report]) -> None:
    """The probe sees what is known to be there; without that it would find no difference."""
    for report in reports:
        assert report["values"]["status NoNewPrivs"] == "1"
        assert report["values"]["status CapBnd"] == "0000000000000000"
        assert (
            report["acts"]["loopback"] == report["acts"]["shm"] == report["acts"]["mqueue"] == "ok"
        )
        assert report["acts"]["mount tmpfs"] == report["acts"]["unshare user"] == "EPERM"
        assert report["acts"]["clone user"] == report["acts"]["sethostname"] == "EPERM"
        assert report["paths"]["/sandbox"] == "rwx"
        assert "w" not in report["paths"]["/proc/sys/kernel/hostname"]
        assert len(report["paths"]) > 10_000
        assert len(report["calls"]) > 400
