"""One rendering a second for all who watch, and none while nobody does."""

import asyncio
import json

import pytest

from pool import Supervisor
from runner.operators.health import Health
from runner.operators.live_page import MOST_WATCHERS, LivePage, TooManyWatchersError
from runner.operators.recent_runs import RecentRuns
from tests.serving import Served


class Counted:
    """A service's health, and how often it was asked for."""

    def __init__(self, http: Served) -> None:
        self.calls = 0
        self._http = http

    def __call__(self) -> Health:
        """The health as it is now."""
        self.calls += 1
        return self._http.service.health()


def page_of(health: Counted) -> LivePage:
    """The page of a service."""
    supervisor = Supervisor(lambda name, error: pytest.fail(f"{name}: {error}"))
    return LivePage(health, RecentRuns().look, acts=False, supervisor=supervisor)


async def test_nothing_is_rendered_while_nobody_watches(fake_http: Served) -> None:
    """While nobody watches no state is rendered. The next watcher begins with a fresh state."""
    health = Counted(fake_http)
    page = page_of(health)
    page.start()
    for _ in range(10):
        await asyncio.sleep(0)
    assert health.calls == 0

    with page.watching() as begin:
        rendering = await page.rendering_after(begin)
    assert json.loads(rendering.state)["replica"] == fake_http.service.health().replica
    await page.close()


async def test_a_second_watcher_gets_the_frame_that_is_there(fake_http: Served) -> None:
    """A second watcher gets the latest rendering without a new rendering, and without a wait."""
    health = Counted(fake_http)
    page = page_of(health)
    page.start()
    with page.watching() as begin:
        first = await page.rendering_after(begin)
        with page.watching() as other:
            assert await page.rendering_after(other) is first
    await page.close()


async def test_only_so_many_may_watch(fake_http: Served) -> None:
    """A place that becomes free can be had again."""
    page = page_of(Counted(fake_http))
    watchers = [page.watching() for _ in range(MOST_WATCHERS)]
    for one in watchers:
        one.__enter__()
    with pytest.raises(TooManyWatchersError), page.watching():
        pass
    watchers[0].__exit__(None, None, None)
    with page.watching():
        pass


async def test_a_page_that_is_closed_gives_a_last_frame(fake_http: Served) -> None:
    """Watchers that wait for the next state hear of the page's end, and a second
    close is harmless.
    """
    page = page_of(Counted(fake_http))
    page.start()
    with page.watching() as begin:
        rendering = await page.rendering_after(begin)
        waits = asyncio.ensure_future(page.rendering_after(rendering.number))
        await asyncio.sleep(0)
        await page.close()
        await page.close()
        assert (await waits).is_last
    assert page.is_over
