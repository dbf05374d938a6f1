"""The live page shows what goes wrong in a deployment, and docs/operations.md explains it.

Where the words of an engine matter, the tests have a real engine of their own. They leave a picture
of each state in .state/page, for people to look at.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from runner.engine.engines import docker_engines
from runner.settings import Reuse, Settings
from tests.conftest import ServeFake
from tests.faults.conftest import IMAGE, LAUNCHER, within
from tests.faults.own_engine import OwnEngine, own_engine
from tests.page.conftest import Look
from tests.serving import Served, new_owner, serving

pytestmark = [pytest.mark.tools, pytest.mark.long]

ROOT = Path(__file__).parent.parent.parent
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
PICTURES = ROOT / ".state" / "page"
SEEN_S = 10.0
RUBY = "dojo-runner/ruby:latest"
NO_BASH = "lang/no-bash:1"

on_an_engine = [
    pytest.mark.docker,
    pytest.mark.skipif(os.geteuid() != 0, reason="starts a dockerd of its own, as root"),
]


@pytest.fixture(scope="session")
async def engine() -> AsyncIterator[OwnEngine]:
    """An engine that can run kata, and colour them; each test leaves it as it was."""
    async with own_engine() as engine:
        for image in (IMAGE, LAUNCHER, RUBY):
            await engine.take_over(image)
        yield engine


@asynccontextmanager
async def served(engine: OwnEngine, look: Look, **settings: Any) -> AsyncIterator[tuple[Any, Page]]:
    """A service on that engine that is ready, and its page."""
    owner = new_owner()
    few = {"warm": 1, "reuse": Reuse.NEVER, "DOCKER_HOST": engine.host}
    chosen = Settings(_env_file=None, **{**few, **settings})
    async with AsyncExitStack() as stack:
        engines = docker_engines(engine.host, owner)
        http = await stack.enter_async_context(serving(chosen, engines, owner, IMAGE))
        await http.until_ready()
        yield http, await stack.enter_async_context(look(http))


async def shows(page: Page, verdict: str, what: str) -> None:
    """Within ten seconds the page says this, and beside it what there is to do.

    An operator must find it; the look of it does not matter here.
    """
    finding = page.locator("#findings li").filter(has_text=re.compile(what))
    async with within(SEEN_S):
        await expect(finding).to_be_visible(timeout=2 * SEEN_S * 1000)
        await expect(page.locator("#verdict")).to_have_text(verdict)
    assert len(await finding.locator("p").first.inner_text()) > 5
    assert re.search("Do: .{20}", await finding.inner_text())
    told = await finding.locator(".docs").inner_text()
    explained(told.removeprefix("docs/operations.md: "))


def explained(heading: str) -> None:
    """That section of docs/operations.md tells what the page shows, and what to do."""
    match = re.search(rf"^###+ {re.escape(heading)}\n(.*?)(?=^##|\Z)", OPERATIONS, re.M | re.S)
    assert match is not None, heading
    assert "**Do:**" in match[1]
    assert "**The page:**" in match[1]
    assert "**In a shell:**" in match[1]


async def picture(page: Page, name: str) -> None:
    """Leave a picture of the whole page."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", full_page=True)


async def run_until_seen(http: Served, page: Page, what: str, **manifest: Any) -> None:
    """Learners press [test] until a finding is there, as some troubles show only in a run."""
    finding = page.locator("#findings li").filter(has_text=re.compile(what))
    async with within(SEEN_S):
        while not await finding.count():
            await http.run(**manifest)


class TestOnAnEngine:
    """States in which the words are the engine's own."""

    pytestmark = on_an_engine

    async def test_the_engine_has_stopped(self, engine: OwnEngine, look: Look) -> None:
        """The page says that the engine has stopped; when the engine is back, it
        says that all is well.
        """
        async with served(engine, look) as (http, page):
            await http.run()
            await engine.stop()
            await shows(page, "Not well", "Docker engine does not answer")
            await picture(page, "engine-stopped")
            await engine.start()
            await expect(page.locator("#verdict")).to_have_text("Well", timeout=30_000)

    async def test_an_image_cannot_be_pulled(self, engine: OwnEngine, look: Look) -> None:
        """The page says with the engine's words that the registry cannot be reached."""
        async with served(engine, look) as (http, page):
            name = "127.0.0.1:1/lang/not-here:1"
            assert (await http.run(image_name=name))["outcome"] == "pulling"
            await shows(page, "Something needs a look", f"{name} is not here yet")
            await expect(page.locator("#pulls tbody tr")).to_contain_text("connection refused")
            await picture(page, "image-not-pulled")

    async def test_an_image_cannot_start(self, engine: OwnEngine, look: Look) -> None:
        """The page says that an image without bash cannot start, and that other images are well."""
        await engine.add_image(NO_BASH, {"etc/passwd": b"root:x:0:0::/:/bin/sh\n"})
        async with served(engine, look) as (http, page):
            await http.run()
            await http.run(image_name=NO_BASH)
            await shows(page, "Not well", f"Containers of {NO_BASH} do not start")
            await picture(page, "image-not-started")
            assert (await http.run())["outcome"] == "green"

    async def test_the_image_with_ruby_is_missing(self, engine: OwnEngine, look: Look) -> None:
        """The page says why runs have no colour when no image on the node has Ruby."""
        await engine.remove_image(RUBY)
        try:
            async with served(engine, look) as (http, page):
                assert (await http.run())["outcome"] == "faulty"
                await shows(page, "Not well", "Colours cannot be told")
                await expect(page.locator("#bad tbody tr").first).to_contain_text(RUBY)
                await picture(page, "ruby-missing")
        finally:
            await engine.take_over(RUBY)

    async def test_the_disk_is_full(self, engine: OwnEngine, look: Look) -> None:
        """The page says that the disk is full, and that all is well again when there is room."""
        async with served(engine, look) as (http, page):
            await http.run()
            await engine.fill_disk()
            try:
                await run_until_seen(http, page, "disk is full")
                await shows(page, "Not well", "disk is full")
                await picture(page, "disk-full")
            finally:
                await engine.make_room()
            await http.run()
            await expect(page.locator("#verdict")).to_have_text("Well", timeout=60_000)


async def test_a_class_of_thirty_begins(serve_fake: ServeFake, look: Look) -> None:
    """A class that begins is no fault on the page, which says that one can wait."""
    async with serve_fake(runs_at_once=3) as http, look(http) as page:
        await http.until_ready()
        burst = [asyncio.create_task(http.run("sleep 2")) for _ in range(30)]
        await shows(page, "Something needs a look", r"\d+ runs? waits? for a place")
        await picture(page, "class-begins")
        for task in burst:
            task.cancel()
        await asyncio.gather(*burst, return_exceptions=True)


async def test_a_sibling_is_gone(serve_fake: ServeFake, look: Look) -> None:
    """The page says that this replica is well, and shows the last figures of the
    sibling that has gone.
    """
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(AsyncExitStack())
        other = await theirs.enter_async_context(serve_fake())
        await other.until_ready()
        await other.run("sleep 9", max_seconds=1)
        address = other.url.removeprefix("http://")
        http = await stack.enter_async_context(serve_fake(siblings=(address,)))
        await http.until_ready()
        await http.run()
        page = await stack.enter_async_context(look(http))
        await expect(page.locator("#replicas tbody tr")).to_have_count(2)
        await picture(page, "two-replicas")

        await theirs.aclose()
        await shows(page, "Something needs a look", f"sibling at {address} does not answer")
        await picture(page, "sibling-gone")
