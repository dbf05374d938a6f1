"""The time that a run took, as its client is told."""

import re

import pytest

from runner.http.timings import asks_for_timings, server_timing, with_timings
from runner.kata import Outcome, RunResult, Timings, Used
from tests.conftest import ServeFake
from tests.runner.http.support import RUN
from tests.serving import Served

TIMINGS = Timings(0.0254, {"queue": 0.0, "lease": 0.00012, "run": 0.02}, hit=True)
PHASES = ["queue", "lease", "run", "harvest", "colour", "total"]


def test_the_header_names_phases_and_the_whole() -> None:
    """Each phase has its milliseconds, and the wait for a container tells hit from miss."""
    expected = "queue;dur=0.0, lease;desc=hit;dur=0.1, run;dur=20.0, total;dur=25.4"

    assert server_timing(TIMINGS) == expected


def test_the_header_tells_what_is_known_of_the_machines_use() -> None:
    """CPU time is a duration; memory and processes are descriptions, as they are no time."""
    used = Used(0.0412, 9437184, 3)
    expected = "total;dur=1.0, cpu;dur=41.2, memory_bytes;desc=9437184, processes;desc=3"

    assert server_timing(Timings(0.001, used=used)) == expected
    assert (
        server_timing(Timings(0.001, used=Used(processes=3))) == "total;dur=1.0, processes;desc=3"
    )


def test_the_log_tells_the_same() -> None:
    """The log has the same numbers, without those that are not known."""
    timings = Timings(0.001, used=Used(0.0412, 9437184))
    result = RunResult(Outcome.RED, "1", timings=timings)

    told = {"total": 1.0, "cpu": 41.2, "memory_bytes": 9437184}
    assert with_timings(result).log == {"timings": told}


def test_a_run_without_a_container_is_neither_hit_nor_miss() -> None:
    """A run that got through no phase has the whole alone."""
    assert server_timing(Timings(0.001)) == "total;dur=1.0"


def test_the_log_keeps_what_it_has() -> None:
    """Timings are added to what the log tells already."""
    result = RunResult(Outcome.FAULTY, "143", log={"reason": "r"}, timings=TIMINGS)

    timings = {"queue": 0.0, "lease": 0.1, "run": 20.0, "total": 25.4}
    assert with_timings(result).log == {"reason": "r", "timings": timings}


@pytest.mark.parametrize(
    ("value", "asks"), [("1", True), (" 1 ", True), ("0", False), ("", False), ("yes\x1b", False)]
)
def test_only_a_one_asks(value: str, asks: bool) -> None:
    """Any other value of the header asks for nothing, and does no harm."""
    assert asks_for_timings({"X-Dojo-Timings": value}) is asks


async def test_every_run_is_answered_with_the_header(http: Served) -> None:
    """The header has all phases of a run that has ended, and `log` stays empty."""
    answer = await http.ask(RUN, http.kata())

    names = re.findall(r"(\w+);(?:desc=\w+;)?dur=\d+\.\d", answer.headers["Server-Timing"])
    assert [name for name in names if name != "cpu"] == PHASES
    assert answer.body["run_cyber_dojo_sh"]["log"] == {}


async def test_the_log_has_them_if_the_request_asks(http: Served) -> None:
    """With the header, and only then, `log` has the milliseconds of each phase."""
    answer = await http.ask(RUN, http.kata(), headers={"X-Dojo-Timings": "1"})

    timings = answer.body["run_cyber_dojo_sh"]["log"]["timings"]
    assert list(timings)[: len(PHASES)] == PHASES
    assert 0 < timings["run"] <= timings["total"]


async def test_a_pull_has_the_header(serve_fake: ServeFake) -> None:
    """A run whose image is not here tells how long it took to find that out."""
    async with serve_fake() as http:
        await http.until_ready()
        answer = await http.ask(RUN, http.kata(image_name="not-here"))

    assert re.fullmatch(r"total;dur=\d+\.\d", answer.headers["Server-Timing"])


async def test_other_answers_have_none(fake_http: Served) -> None:
    """Answers to other requests than runs have no timings."""
    refused = await fake_http.ask(RUN, {})

    assert refused.status == 400
    assert "Server-Timing" not in refused.headers
    assert "Server-Timing" not in (await fake_http.ask("/alive")).headers
