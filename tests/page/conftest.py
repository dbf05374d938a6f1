"""A real browser, and pages of it that look at a service on the fake engine."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from tests.hosts import refusal_of_browsers
from tests.serving import Served

# As Debian calls it, and others.
NAMES = ("chromium", "chromium-browser", "google-chrome")
LONGEST_MS = 15_000

Look = Callable[..., AbstractAsyncContextManager[Page]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium, without a window. Skips the test where the host is known to have no browser."""
    if reason := refusal_of_browsers():
        pytest.skip(reason)
    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program is not None, "make test installs chromium"
    async with async_playwright() as playwright:
        # Its own sandbox refuses root, and the pages are ours.
        browser = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def look(browser: Browser) -> Look:
    """Opens the live page of a service; its keywords are those of a browser's context.

    What the browser complains of, a violation of the page's policy say, fails the test.
    """

    @asynccontextmanager
    async def look(http: Served, **context: Any) -> AsyncIterator[Page]:
        complaints: list[str] = []

        def heard(message: ConsoleMessage) -> None:
            # The page says by itself that a connection is lost, or an act refused.
            is_said = any(words in message.text for words in ("net::", "401", "503"))
            if message.type in ("error", "warning") and not is_said:
                complaints.append(message.text)

        opened = await browser.new_context(**{"color_scheme": "light", **context})
        opened.set_default_timeout(LONGEST_MS)
        page = await opened.new_page()
        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        try:
            await page.goto(http.url, wait_until="domcontentloaded")
            await page.wait_for_selector("#banner:not([data-level=unknown])")
            yield page
        finally:
            await opened.close()
        assert complaints == []

    return look
