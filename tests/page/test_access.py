"""Everybody can read the live page: axe finds nothing, on a phone and on a projector."""

import hashlib
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.async_api import Page

from pool import EngineError
from runner.container.profile import RED_AMBER_GREEN
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.page.conftest import Look
from tests.serving import STATUS_LAMBDA

pytestmark = pytest.mark.tools

AXE = (Path(__file__).parent / "axe" / "axe.min.js").read_text()
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"


def test_axe_is_as_it_was_published() -> None:
    """The copy of axe that judges the page is as it was published."""
    assert hashlib.sha256(AXE.encode()).hexdigest() == AXE_SHA256


async def complaints(page: Page) -> list[str]:
    """What axe finds, by the rule and the place."""
    await page.evaluate(AXE)  # not as a script of the page: its policy would refuse that
    found: dict[str, Any] = await page.evaluate("axe.run()")
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


@pytest.mark.parametrize(
    "width", [360, *(pytest.param(width, marks=pytest.mark.long) for width in (1280, 1920))]
)
async def test_axe_finds_nothing(serve_fake: ServeFake, look: Look, width: int) -> None:
    """axe finds no fault in a page that is full, light or dark, and nothing is cut off."""
    engine = FakeEngine()
    engine.images.add("lang/broken:1", {RED_AMBER_GREEN: STATUS_LAMBDA.encode()})
    size = {"width": width, "height": 900}
    async with serve_fake(engine, acts_token="t" * 20) as http, look(http, viewport=size) as page:
        await http.until_ready()
        await http.run()
        engine.containers.start_error = EngineError("create", "no bash in " + "x" * 300)
        await http.run(image_name="lang/broken:1")
        await http.send({**http.kata(image_name="not/here:1")})
        await page.wait_for_selector("#bad tbody tr:not(.nothing)")
        await page.wait_for_selector("#images td[data-level=bad]")

        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme)
            assert await complaints(page) == []
        wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0
        engine.containers.start_error = None


async def test_axe_would_find_something(serve_fake: ServeFake, look: Look) -> None:
    """axe finds a fault in a page that has one."""
    async with serve_fake() as http, look(http) as page:
        await page.evaluate("document.body.append(document.createElement('input'))")

        assert any("label" in one for one in await complaints(page))


async def test_the_page_is_worked_with_by_keyboard(serve_fake: ServeFake, look: Look) -> None:
    """Tab leads to the filter and to every head of a column, in the order of the page."""
    async with serve_fake() as http, look(http) as page:
        await http.until_ready()
        await http.run(image_name=FAKE_IMAGE)
        await page.keyboard.press("Tab")
        seen = []
        for _ in range(6):
            seen.append(
                await page.evaluate("document.activeElement.id || document.activeElement.innerText")
            )
            await page.keyboard.press("Tab")

        assert seen[:4] == ["filter", "trouble", "Image", "Warm"]
