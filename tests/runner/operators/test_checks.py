"""What health checks are told."""

from dataclasses import replace
from typing import Any

import pytest

from pool import EngineError, LoopStatus
from runner.operators.checks import is_passed, liveness, readiness, status_of, words_for
from runner.run.judge import ColoursStatus
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served
from tests.waiting import eventually

COLOURS = ColoursStatus(True, 0, 0, 0, 0, "")
WELL: dict[str, Any] = {
    "is_draining": False,
    "engine_answers": True,
    "cells_decided": True,
    "colours": COLOURS,
}
NO_COLOURS = replace(COLOURS, can_be_told=False, last_error="no such\nimage")


@pytest.mark.parametrize(
    ("change", "status", "passed"),
    [
        ({}, "ok", True),
        ({"is_draining": True, "engine_answers": False}, "draining", False),
        ({"engine_answers": False, "cells_decided": False}, "engine down", False),
        ({"cells_decided": False}, "starting", False),
        ({"colours": NO_COLOURS}, "no colours", True),
    ],
)
def test_each_condition_has_its_word(change: dict[str, Any], status: str, passed: bool) -> None:
    """The status is `ok` only if all is well; runs are taken on without colours, too."""
    checks = readiness(**{**WELL, **change})

    assert (status_of(checks), is_passed(checks)) == (status, passed)


def test_the_words_say_why_line_by_line() -> None:
    """A failed check says why even if nobody asked, and one that does not count is marked."""
    checks = readiness(**{**WELL, "engine_answers": False, "colours": NO_COLOURS})

    assert words_for("readyz", checks, verbose=False).splitlines() == [
        "[+]serving ok",
        "[-]engine failed: the engine does not answer",
        "[+]cells ok",
        "[!]colours failed: no such image",
        "readyz check failed",
    ]


def test_good_news_is_short() -> None:
    """Conditions that hold are listed only for those who ask."""
    assert words_for("readyz", readiness(**WELL), verbose=False) == "ok\n"
    assert words_for("readyz", readiness(**WELL), verbose=True).endswith("readyz check passed\n")


def test_a_loop_that_failed_is_shown_and_does_not_count() -> None:
    """A process lives as long as it answers: its loops begin again by themselves."""
    checks = liveness({"sweep": LoopStatus(False, 3, "a bug")})

    assert is_passed(checks)
    assert "[!]loop sweep failed: begins again after: a bug" in words_for(
        "livez", checks, verbose=True
    )


async def answer(http: Served, path: str) -> tuple[int, str]:
    """The status and the text of an answer."""
    async with http.session.get(http.url + path) as response:
        return response.status, await response.text()


async def test_a_service_that_is_well_is_alive_and_ready(serve_fake: ServeFake) -> None:
    """Both paths answer 200 for a service that is well."""
    async with serve_fake() as http:
        await http.until_ready()

        assert await answer(http, "/livez") == (200, "ok\n")
        assert await answer(http, "/readyz") == (200, "ok\n")
        assert "[+]loop sweep ok" in (await answer(http, "/livez?verbose"))[1]


async def test_without_an_engine_it_is_alive_and_not_ready(serve_fake: ServeFake) -> None:
    """A restart would not bring the engine back, so `/livez` does not ask for one."""
    engine = FakeEngine()
    engine.containers.list_error = EngineError("list", "away")
    async with serve_fake(engine) as http:
        assert (await answer(http, "/livez"))[0] == 200
        status, words = await answer(http, "/readyz")
        health = http.service.health()

    assert status == 503
    assert "[-]engine failed: the engine does not answer" in words
    assert health.status == "engine down"


async def test_while_draining_it_is_not_ready(serve_fake: ServeFake) -> None:
    """Requests are sent elsewhere while a service drains."""
    async with serve_fake() as http:
        await http.until_ready()
        http.service.is_draining = True

        status, words = await answer(http, "/readyz")

    assert (status, "[-]serving failed: draining" in words) == (503, True)


async def test_without_ruby_the_status_is_not_ok(serve_fake: ServeFake) -> None:
    """Operators see that colours cannot be told and why, and runs are taken on all the same."""
    engine = FakeEngine()
    async with serve_fake(engine, ruby_image="no/ruby:1") as http:
        await http.until_ready()
        engine.images.remove("no/ruby:1")
        (light,) = engine.containers.of_image("no/ruby:1")
        engine.containers.kill(light.container_id)

        async def health() -> dict[str, Any]:
            return http.service.health().as_json()

        seen = await eventually(health, lambda seen: seen["status"] == "no colours")
        ready = await answer(http, "/readyz?verbose")

    assert "no/ruby:1" in seen["colours"]["last_error"]
    assert not seen["colours"]["can_be_told"]
    assert ready[0] == 200
    assert "[!]colours failed" in ready[1]


async def test_health_counts_colours(serve_fake: ServeFake) -> None:
    """`/health` tells colours that Ruby was asked for from known ones, and counts faults."""
    async with serve_fake() as http:
        await http.until_ready()
        for script in ("exit 0", "exit 0", "exit 1"):
            await http.run(script)
        colours = http.service.health().as_json()["colours"]

    assert (colours["asked"], colours["known"], colours["faulty"]) == (2, 1, 0)


async def test_health_tells_version_and_limits(serve_fake: ServeFake) -> None:
    """The limits are those that hold, whether set or by default."""
    async with serve_fake(runs_at_once=3) as http:
        health = http.service.health().as_json()

    assert health["version"]
    assert health["limits"]["runs_at_once"] == 3
    assert health["limits"]["request_seconds"] == 25
