"""Images that are to be warm from the start are tried until they are."""

from collections.abc import AsyncIterator

import pytest

from pool import EngineError
from runner.warming.warm_images import WarmImages
from tests.reports import unheard
from tests.waiting import eventually

NAMES = ("first", "second")


class Rig:
    """Warms images that are here, unless the engine fails."""

    def __init__(self) -> None:
        self.here = set(NAMES)
        self.failures = 0  # of the next calls
        self.asked: list[str] = []
        self.images = WarmImages(NAMES, self._warm_up, unheard())

    async def _warm_up(self, name: str) -> bool:
        self.asked.append(name)
        if self.failures:
            self.failures -= 1
            raise EngineError("inspect", "the engine stumbles", status=500)
        return name in self.here

    async def until_asked(self, *names: str) -> None:
        """Wait until these, and no others, have been asked for."""

        async def asked() -> list[str]:
            return self.asked

        await eventually(asked, lambda asked: len(asked) >= len(names))
        assert self.asked == list(names)


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    """Images that wait to be warmed."""
    rig = Rig()
    rig.images.start()
    yield rig
    await rig.images.close()


async def test_each_is_warmed_once(rig: Rig) -> None:
    """An image that is warm is not warmed again when images change."""
    rig.images.begin()
    await rig.until_asked("first", "second")
    rig.images.try_now()
    rig.images.begin()

    await rig.until_asked("first", "second", "first", "second")


async def test_what_failed_is_tried_again(rig: Rig) -> None:
    """An image that failed is tried again by itself; those that are warm are not."""
    rig.failures = 1
    rig.images.begin()

    await rig.until_asked("first", "second", "first")


async def test_what_is_not_here_is_tried_when_images_change(rig: Rig) -> None:
    """An image that comes later than the daemon is warmed when it comes."""
    rig.here.remove("second")
    rig.images.begin()
    await rig.until_asked("first", "second")
    rig.here.add("second")
    rig.images.try_now()

    await rig.until_asked("first", "second", "second")
