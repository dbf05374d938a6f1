"""Images that somebody wants: a client that pulls, a sibling that tells of takes, the settings."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import TypeVar

import pytest

from pool import ContainerSpec, EngineError, Pools, PoolSettings
from runner.configuration.allowed_images import AllowedImages, ImageNotAllowedError
from runner.container.images import Images
from runner.warming.wanted import MOST_AT_ONCE, WantedImages
from tests.fakes import FakeEngine, FakeImage
from tests.reports import unheard
from tests.waiting import eventually

HERE, MISSING, FORBIDDEN = "here:1", "missing:1", "elsewhere/one:1"
_T = TypeVar("_T")
SPEC = ContainerSpec(HERE, "sha256:1", ("bash",), b"", "")


class Rig:
    """Wanted images on an engine in memory, which has one image."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.engine.images.add(HERE)
        self.engine.images.in_registry[MISSING] = FakeImage("sha256:missing")
        self.announced: list[str] = []
        self.fails = False
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()
        supervisor = unheard()
        self.images = Images(
            self.engine.images,
            changed=lambda: None,
            pulled=self._pulled,
            listening=lambda is_there: None,
            supervisor=supervisor,
        )
        self.pools = Pools(self.engine.containers, PoolSettings(), supervisor=supervisor)
        self.wanted = WantedImages(
            self.images,
            self.pools,
            AllowedImages(("here", MISSING)),
            spec_of=self._spec_of,
            announce=self.announced.append,
            supervisor=supervisor,
        )

    async def close(self) -> None:
        """End all of it."""
        await self.wanted.close()
        await self.images.close()
        await self.pools.close()

    def _pulled(self, name: str) -> None:
        self.wanted.pulled(name)

    async def _spec_of(self, name: str) -> ContainerSpec | None:
        await self.may_go_on.wait()
        if self.fails:
            raise EngineError("inspect", "the engine stumbles", status=500)
        image_id = await self.images.image_id(name)
        return None if image_id is None else replace(SPEC, image=name, image_id=image_id)

    async def pooled(self) -> set[str]:
        """The images that have a pool."""
        return set(self.pools.by_image)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Wanted images; nobody has asked for one yet."""
    rig = Rig()
    yield rig
    await rig.close()


async def test_an_image_that_is_here_is_warmed_and_announced(rig: Rig) -> None:
    """A client that pulls an image of this node is about to begin with it."""
    assert await rig.wanted.pull(HERE) == "pulled"

    assert await eventually(rig.pooled) == {HERE}
    assert rig.announced == [HERE]


async def test_a_missing_image_is_pulled_and_warmed(rig: Rig) -> None:
    """A missing image is warm soon after it has come; nobody announces it before."""
    assert await rig.wanted.pull(MISSING) == "pulling"

    assert await eventually(rig.pooled) == {MISSING}
    assert rig.announced == []


async def test_an_image_that_is_not_allowed_is_not_looked_at(rig: Rig) -> None:
    """A client's pull of it is refused, and a sibling's notice finds no such image."""
    with pytest.raises(ImageNotAllowedError):
        await rig.wanted.pull(FORBIDDEN)

    assert await rig.wanted.spec_if_allowed(FORBIDDEN) is None
    assert rig.images.pulling == []


async def test_the_caller_learns_whether_the_image_is_here(rig: Rig) -> None:
    """The images of the settings are tried again until they are on this node."""
    assert await rig.wanted.warm_up_if_here(HERE)
    assert not await rig.wanted.warm_up_if_here(MISSING)

    rig.fails = True
    with pytest.raises(EngineError, match="stumbles"):
        await rig.wanted.warm_up_if_here(HERE)


async def test_an_engine_that_stumbles_does_not_hide_an_announcement(rig: Rig) -> None:
    """The siblings hear of a pull although this replica could not warm the image itself."""
    rig.fails = True

    assert await rig.wanted.pull(HERE) == "pulled"

    async def announced() -> list[str]:
        return rig.announced

    assert await eventually(announced) == [HERE]
    assert await rig.pooled() == set()


async def test_an_image_that_is_wanted_often_is_warmed_once_at_a_time(rig: Rig) -> None:
    """A client that asks for an image again and again holds one task, under whatever name."""
    rig.may_go_on.clear()
    for _ in range(100):
        assert await rig.wanted.pull(HERE) == "pulled"
        assert await rig.wanted.pull(f"docker.io/library/{HERE}") == "pulled"
    assert rig.wanted.under_way == 1
    rig.may_go_on.set()

    assert await eventually(rig.pooled) == {HERE}
    assert rig.announced == [HERE]
    assert await rig.wanted.pull(HERE) == "pulled"
    assert await eventually(lambda: _now(rig.announced), lambda told: told == [HERE, HERE])


async def test_so_many_images_are_warmed_at_once(rig: Rig) -> None:
    """Clients that ask for many images at the same time get their answers, and no more tasks."""
    rig.may_go_on.clear()
    for number in range(MOST_AT_ONCE + 20):
        name = f"here:{number}"
        rig.engine.images.add(name)
        assert await rig.wanted.pull(name) == "pulled"

    assert rig.wanted.under_way == MOST_AT_ONCE


async def test_a_pull_that_ends_after_the_close_begins_nothing(rig: Rig) -> None:
    """When the service stops, a pull may end a moment later."""
    await rig.wanted.close()
    rig.wanted.pulled(HERE)

    assert rig.wanted.under_way == 0


async def _now(value: _T) -> _T:
    return value
