"""A service with a short budget on a fake engine, and how a test sees that an answer is in time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served
from tests.waiting import eventually

BUDGET_S = 2.0


@asynccontextmanager
async def in_time(budget_s: float) -> AsyncIterator[None]:
    """Fails when the block is not over by the budget and a second.

    By the same loop's clock, so that a busy machine delays the alarm as much as the answer.
    """
    loop = asyncio.get_running_loop()
    late = asyncio.Event()
    alarm = loop.call_later(budget_s + 1, late.set)
    yield
    alarm.cancel()
    assert not late.is_set()


async def ask(http: Served, script: str = "echo out", **how: Any) -> dict[str, Any]:
    """The result of a run, in time."""
    async with in_time(http.settings.budget_s):
        return await http.run(script, **{"max_seconds": 1, **how})


def why(result: dict[str, Any]) -> tuple[str, str, str]:
    """A run's outcome, its status, and the reason in its log."""
    return result["outcome"], result["status"], result["log"]["reason"]


@asynccontextmanager
async def warm(serve_fake: ServeFake, engine: FakeEngine, reuse: str) -> AsyncIterator[Served]:
    """A service that has served a run, and has a container that waits for the next."""
    async with serve_fake(engine, reuse=reuse, budget_s=BUDGET_S) as http:
        await http.until_ready()
        await http.run("true")
        await _settled(http)
        yield http


@asynccontextmanager
async def warm_with_answer(
    serve_fake: ServeFake, engine: FakeEngine, reuse: str, budget_s: float = BUDGET_S
) -> AsyncIterator[Served]:
    """As `warm`, but without a first run, because its answer would be made up, too."""
    async with serve_fake(
        engine, reuse=reuse, budget_s=budget_s, warm_images=(FAKE_IMAGE,)
    ) as http:
        await http.until_ready()
        await _settled(http)
        yield http


async def _settled(http: Served) -> None:
    """Wait until a container is warm, and no other on its way."""

    async def pools() -> list[tuple[int, int]]:
        images = http.service.health().as_json()["images"].values()
        return [(one["warm"], one["starting"]) for one in images]

    await eventually(pools, lambda found: found == [(1, 0)])
