"""The live page in a real browser: it follows the service, and its tables can be worked with."""

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Page, expect

from pool import EngineError
from runner.container.profile import RED_AMBER_GREEN
from runner.operators.page_state import MOST_ROWS
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.page.conftest import Look
from tests.runner.http.support import until
from tests.serving import STATUS_LAMBDA

pytestmark = pytest.mark.tools

MARKUP = '<img src=x onerror="document.title=1"><script>document.title=1</script>'
# States come once a second: what has changed is shown by the second one from now.
TWO_STATES = 2


def now(page: Page, fact: str) -> Any:
    """The figure of a fact under the heading Now."""
    return page.locator(f"#now div:has(dt:text-is('{fact}')) .figure")


def rows(page: Page, table: str = "images") -> Any:
    """The rows of a table."""
    return page.locator(f"#{table} tbody tr:not(.nothing)")


async def states(page: Page, count: int = TWO_STATES) -> None:
    """Wait until the page has shown so many more states."""
    await page.evaluate(
        """async (count) => {
            const stream = new EventSource("/page/stream");
            for (let left = count; left; left--)
                await new Promise((next) => (stream.onmessage = next));
            stream.close();
        }""",
        count,
    )


def engine_with(*images: str) -> FakeEngine:
    """An engine that has these images, too."""
    engine = FakeEngine()
    for name in images:
        engine.images.add(name, {RED_AMBER_GREEN: STATUS_LAMBDA.encode()})
    return engine


async def test_it_follows_a_burst_of_runs(serve_fake: ServeFake, look: Look) -> None:
    """Thirty runs at once are on the page two states after they have come, and gone
    as soon after their end.
    """
    async with serve_fake(runs_at_once=3) as http, look(http) as page:
        await http.until_ready()
        burst = [asyncio.create_task(http.run("sleep 1")) for _ in range(30)]
        await until(lambda: http.service.health().queued == 27)
        await states(page)
        assert await now(page, "Runs now").text_content() == "3 of 3"
        assert int(await now(page, "Queued").text_content()) >= 20
        await expect(page.locator("#findings")).to_contain_text(
            re.compile("runs? waits? for a place")
        )

        for task in burst:
            task.cancel()
        await asyncio.gather(*burst, return_exceptions=True)
        await asyncio.gather(*(http.run() for _ in range(5)))
        await expect(page.locator("[data-phase=run] .times")).to_contain_text("p95")
        await expect(page.locator("[data-phase=run] path.half")).to_have_attribute(
            "d", re.compile("M")
        )


async def test_an_engine_is_lost_and_back(serve_fake: ServeFake, look: Look) -> None:
    """The page's verdict changes by itself when the engine is lost and when it is back."""
    engine = FakeEngine()
    async with serve_fake(engine) as http, look(http) as page:
        await http.until_ready()
        verdict = page.locator("#verdict")
        await expect(verdict).to_have_text("Well")

        engine.containers.list_error = EngineError("list", "cannot connect")
        await expect(verdict).to_have_text("Not well")
        await expect(page.locator("#findings")).to_contain_text("docker info")
        assert "⚠" in await page.title()

        engine.containers.list_error = None
        await expect(verdict).to_have_text("Well")
        await expect(page.locator("#findings li")).to_have_count(0)


async def test_markup_in_names_and_errors_never_runs(serve_fake: ServeFake, look: Look) -> None:
    """Ids, images and errors of anybody are shown as they are written."""
    engine = FakeEngine()
    async with serve_fake(engine) as http, look(http) as page:
        await http.until_ready()
        await http.run()
        engine.kata.answer = lambda kata: None
        await http.send({**http.kata(), "id": MARKUP})
        engine.containers.start_error = EngineError("create", MARKUP, image=FAKE_IMAGE)
        for _ in range(3):
            await http.run()

        await expect(rows(page, "bad").filter(has_text=MARKUP)).to_have_count(1)
        await expect(page.locator("#findings")).to_contain_text(MARKUP)
        await expect(rows(page).first).to_contain_text(MARKUP)
        assert await page.locator("main img, main script").count() == 0
        assert await page.title() != "1"
        engine.containers.start_error = None


async def test_two_replicas_are_on_one_page(serve_fake: ServeFake, look: Look) -> None:
    """The page shows the sibling's figures.

    When the sibling has gone, the page says so and keeps the last figures.
    """
    async with AsyncExitStack() as stack:
        theirs = await stack.enter_async_context(AsyncExitStack())
        other = await theirs.enter_async_context(serve_fake())
        await other.until_ready()
        await other.run("sleep 9", max_seconds=1)
        name = other.service.health().replica
        address = other.url.removeprefix("http://")
        http = await stack.enter_async_context(serve_fake(siblings=(address,)))
        await http.until_ready()
        page = await stack.enter_async_context(look(http))

        await expect(rows(page, "replicas")).to_have_count(2)
        await expect(rows(page, "replicas").nth(1)).to_contain_text(f"{name} at {address}")
        await expect(rows(page).filter(has_text=name)).to_contain_text(FAKE_IMAGE)
        await expect(rows(page, "bad").filter(has_text=name)).to_contain_text("stopped after 1 s")
        assert await page.evaluate(
            "[...document.querySelectorAll('table')].every((one) =>"
            " one.scrollWidth <= one.parentElement.clientWidth)"
        )
        await theirs.aclose()
        await expect(page.locator("#findings")).to_contain_text(address)
        await expect(rows(page, "replicas").nth(1)).to_contain_text("no answer")
        await expect(rows(page).filter(has_text=name)).to_contain_text(FAKE_IMAGE)


async def names(page: Page) -> list[str]:
    """The images in the order of the table."""
    return list(await page.locator("#images tbody tr td:first-child").all_text_contents())


@pytest.mark.long
async def test_rows_that_are_not_sent_are_counted(serve_fake: ServeFake, look: Look) -> None:
    """The page says how many images it does not show, also while somebody filters the others."""
    images = [f"lang/{number}:1" for number in range(MOST_ROWS // 2 + 1)]
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serve_fake(engine_with(*images)))
        address = other.url.removeprefix("http://")
        http = await stack.enter_async_context(
            serve_fake(engine_with(*images), siblings=(address,))
        )
        for replica in (other, http):
            await replica.until_ready()
            for image in images:
                await replica.run(image_name=image)
        page = await stack.enter_async_context(look(http))
        shown = page.locator("#shown")
        await expect(shown).to_contain_text("2 more are not sent")

        # The text is read in the same step as the event, before another state can come.
        said = await page.get_by_label("Filter").evaluate(
            "(box, shown) => { box.value = 'none'; box.dispatchEvent(new Event('input'));"
            " return shown.textContent }",
            await shown.element_handle(),
        )
        assert said == f"0 of {MOST_ROWS} rows, 2 more are not sent"


async def test_a_table_is_sorted_and_filtered(serve_fake: ServeFake, look: Look) -> None:
    """A table is sorted and filtered by mouse or keyboard, and stays so in the next state."""
    images = ("lang/gcc:9", "lang/gcc:10", "lang/ruby:1")
    async with serve_fake(engine_with(*images)) as http, look(http) as page:
        await http.until_ready()
        for count, image in enumerate(images, 1):
            for _ in range(count):
                await http.run(image_name=image)
        await expect(rows(page)).to_have_count(3)

        head = page.get_by_role("columnheader", name="Image").first
        await head.get_by_role("button").focus()
        await page.keyboard.press("Enter")
        await states(page)
        assert await names(page) == ["lang/gcc:9", "lang/gcc:10", "lang/ruby:1"]
        await page.keyboard.press("Enter")
        await states(page)
        assert await names(page) == ["lang/ruby:1", "lang/gcc:10", "lang/gcc:9"]
        await expect(head).to_have_attribute("aria-sort", "descending")

        await page.get_by_label("Filter").fill("GCC")
        await states(page)
        assert await names(page) == ["lang/gcc:10", "lang/gcc:9"]
        await page.get_by_label("only those in trouble").check()
        assert await rows(page).count() == 0
        await expect(page.locator("#shown")).to_have_text("0 of 3 rows")


async def test_what_is_focused_and_typed_stays(serve_fake: ServeFake, look: Look) -> None:
    """News each second neither moves the focus nor replaces what a reader has in hand."""
    async with serve_fake(acts_token="t" * 20) as http, look(http) as page:
        await http.until_ready()
        await http.run()
        button = page.get_by_role("button", name=f"drain {FAKE_IMAGE}")
        await button.focus()
        for _ in range(3):
            await http.run()
            await states(page, 1)
        await expect(button).to_be_focused()


async def test_a_daemon_that_drains_and_stops_is_said(serve_fake: ServeFake, look: Look) -> None:
    """A page whose stream has ended does not look well."""
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(serve_fake())
        await http.until_ready()
        page = await stack.enter_async_context(look(http))
        await expect(page.locator("#verdict")).to_have_text("Well")

        http.service.is_draining = True
        await expect(page.locator("#verdict")).to_have_text("No news")
        await expect(page.locator("#news")).to_contain_text("no connection")


async def test_a_page_goes_on_with_its_daemon(serve_fake: ServeFake, look: Look) -> None:
    """A page whose stream was refused asks for it again until the daemon gives it."""
    async with serve_fake() as http, look(http) as page:
        await http.until_ready()
        await page.route("**/page/stream", lambda route: route.abort())
        await page.reload(wait_until="domcontentloaded")
        await expect(page.locator("#verdict")).to_have_text("No news")
        await page.unroute("**/page/stream")
        await expect(page.locator("#verdict")).to_have_text("Well")
        await expect(page.locator("#news")).to_have_text("live")


async def act(page: Page, token: str, name: str) -> str:
    """What the page says of an act with this token."""
    await page.get_by_label("Token").fill(token)
    await page.get_by_role("button", name=f"{name} {FAKE_IMAGE}").click()
    said = page.locator("#acted")
    await expect(said).to_have_text(re.compile(": "))
    return str(await said.text_content())


async def test_an_operator_acts_from_the_page(serve_fake: ServeFake, look: Look) -> None:
    """With the token an image is warmed and drained; without it the page says why not."""
    async with serve_fake(acts_token="t" * 20, warm=None) as http, look(http) as page:
        await http.until_ready()
        await http.run()

        assert "missing or wrong" in await act(page, "x", "warm")
        await page.locator("#containers").fill("5")
        assert "its pool now keeps 5" in await act(page, "t" * 20, "warm")
        await expect(rows(page).first).to_contain_text("5 of 5")


async def test_without_a_token_there_is_nothing_to_press(serve_fake: ServeFake, look: Look) -> None:
    """The page offers no act that the service would refuse."""
    async with serve_fake() as http, look(http) as page:
        await http.until_ready()
        await http.run()
        await expect(rows(page)).to_have_count(1)

        assert await page.get_by_role("button", name=f"drain {FAKE_IMAGE}").count() == 0
        await expect(page.locator("#act")).to_be_hidden()
