"""What a replica makes of notices: of images that it does not know yet, above all."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from pool import ContainerSpec, Pools, PoolSettings, Supervisor
from runner.siblings.book import Verdict
from runner.siblings.listener import LOOK_UPS_AT_ONCE, Listener
from runner.siblings.notice import RefillNotice
from tests.fakes import FakeContainers
from tests.reports import Reports


def notice(image: str) -> RefillNotice:
    """A sibling had a take of this image, just now."""
    return RefillNotice(
        replica="sibling",
        image=image,
        takes=1,
        told=1,
        take_rate=0.1,
        fill_rate=0.1,
        warm=1,
        target=1,
        sequence=1,
        sent_at=time.time(),
    )


@pytest.fixture
async def pools() -> AsyncIterator[Pools]:
    """Pools of nothing yet; no job of theirs had a bug."""
    reports = Reports()
    pools = Pools(FakeContainers(), PoolSettings(), supervisor=Supervisor(reports))
    yield pools
    await pools.close()
    assert not reports.errors


async def test_only_so_many_images_are_looked_up_at_once(pools: Pools) -> None:
    """Made-up names cost the engine no more, and are limited until it has answered."""
    engine_answers = asyncio.Event()
    asked: list[str] = []

    async def spec_of(name: str) -> ContainerSpec | None:
        asked.append(name)
        await engine_answers.wait()
        return None

    listener = Listener("me", pools, spec_of)
    hearing = [
        asyncio.create_task(listener.hear(notice(f"image:{number}"), "sibling"))
        for number in range(3 * LOOK_UPS_AT_ONCE)
    ]
    for _ in range(10):
        await asyncio.sleep(0)
    engine_answers.set()
    verdicts = await asyncio.gather(*hearing)

    assert len(asked) == LOOK_UPS_AT_ONCE
    assert verdicts.count(Verdict.UNKNOWN_IMAGE) == LOOK_UPS_AT_ONCE
    assert verdicts.count(Verdict.LIMITED) == 2 * LOOK_UPS_AT_ONCE


async def test_an_image_is_looked_up_once_at_a_time(pools: Pools) -> None:
    """Siblings that tell of the same image cost the engine one question."""
    engine_answers = asyncio.Event()
    asked: list[str] = []

    async def spec_of(name: str) -> ContainerSpec | None:
        asked.append(name)
        await engine_answers.wait()
        return None

    listener = Listener("me", pools, spec_of)
    first = asyncio.create_task(listener.hear(notice("image:1"), "sibling"))
    await asyncio.sleep(0)
    second = await listener.hear(
        notice("image:1").model_copy(update={"replica": "another"}), "another"
    )
    engine_answers.set()

    assert (await first, second, asked) == (
        Verdict.UNKNOWN_IMAGE,
        Verdict.LIMITED,
        ["image:1"],
    )
