"""How long a stop may take: its phases add up to less than an engine waits for."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bench.simulator import virtual_time
from pool import tasks
from runner import app, daemon
from runner.service import Service
from runner.settings import Settings
from tests.fakes import FakeEngine
from tests.serving import new_owner

DOCS = Path(__file__).parents[2] / "docs"
# `docker stop` kills a container after this time, and cyber-dojo's compose file sets no other.
ENGINE_WAITS_S = 10.0
# For the signal's way to the daemon, and for Python's own end.
MARGIN_S = 1.0


def test_a_default_stop_fits_into_an_engines_patience() -> None:
    """All phases of a stop together are over a second before the engine would kill the daemon."""
    settings = Settings(_env_file=None)
    phases_s = {
        "not ready, but serving": settings.linger_s,
        "runs, containers, connections": settings.drain_s,
        "tasks that are left": tasks.GIVE_UP_ROUNDS * tasks.GIVE_UP_S,
        "the last lines of the log": daemon.FLUSH_S,
    }

    assert sum(phases_s.values()) <= ENGINE_WAITS_S - MARGIN_S


@pytest.mark.parametrize("page", ["deploy", "migrating"])
def test_the_pages_tell_how_long_runs_may_go_on(page: str) -> None:
    """Who reads of a stop learns what it leaves to a run under way, and what it takes in all."""
    settings = Settings(_env_file=None)
    text = (DOCS / f"{page}.md").read_text()

    assert f"{settings.drain_s - app.REMOVALS_S - app.ANSWERS_S:g} s" in text
    assert (
        f"{settings.drain_s + tasks.GIVE_UP_ROUNDS * tasks.GIVE_UP_S + daemon.FLUSH_S:g} s" in text
    )


async def _never() -> None:
    await asyncio.Event().wait()


async def _seconds_of_a_drain(limit_s: float) -> float:
    """The seconds until a drain ends whose engine answers no call, and does not hang up either."""
    engine = FakeEngine()
    engine.containers.may_tell.clear()
    engines = replace(engine.engines(), close=_never)
    service = Service(Settings(_env_file=None), new_owner(), engines)
    await service.start()
    clock = asyncio.get_running_loop().time
    before_s = clock()
    await service.drain(limit_s)
    return clock() - before_s


@pytest.mark.parametrize("limit_s", [7.5, 0.3])
def test_the_end_of_the_connections_is_a_part_of_the_drain(limit_s: float) -> None:
    """A drain takes no longer than its limit, however many of its steps hang."""
    assert virtual_time.run(_seconds_of_a_drain(limit_s), seed=1) == pytest.approx(limit_s)
