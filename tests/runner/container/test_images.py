"""Images: what is remembered, for how long, and what is asked once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pool import EngineError, Folder, Found, Image
from runner.container.images import MOST_PROFILES, Images
from runner.container.profile import RED_AMBER_GREEN, Home, ImageProfile
from tests.fakes import FakeImages
from tests.reports import unheard


class CountingImages(FakeImages):
    """Counts how often it is asked for an image; `fail_reads` are errors of the next reads."""

    def __init__(self) -> None:
        super().__init__(lambda error: None)
        self.questions = 0
        self.fail_reads: list[EngineError] = []

    async def image(self, name: str) -> Image:
        """See FakeImages."""
        self.questions += 1
        return await super().image(name)

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """See FakeImages."""
        found = await super().read_files(image_id, paths, limit_bytes)
        await asyncio.sleep(0)  # others may ask meanwhile
        if self.fail_reads:
            raise self.fail_reads.pop(0)
        return found


@asynccontextmanager
async def listening(
    engine: FakeImages,
    changed: Callable[[], None] = lambda: None,
    pulled: Callable[[str], None] = lambda name: None,
    told: Callable[[bool], None] = lambda is_there: None,
) -> AsyncIterator[Images]:
    """Images that hear of changes; closed at the end."""
    images = Images(engine, changed=changed, pulled=pulled, listening=told, supervisor=unheard())
    images.start()
    await until(lambda: images.is_listening)
    yield images
    await images.close()


async def until(is_so: Callable[[], bool]) -> None:
    """Give the background its turns until something is so."""
    while not is_so():  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)


async def test_an_image_is_asked_for_once() -> None:
    """While changes are heard of an answer is remembered, by its name without a tag, too."""
    engine = CountingImages()
    gcc = engine.add("gcc:latest")
    async with listening(engine) as images:
        found = [await images.image_id(name) for name in ("gcc", "gcc:latest", "gcc")]

    assert found == [gcc.image_id] * 3
    assert engine.questions == 1


async def test_it_is_told_once_when_the_engine_comes_and_goes() -> None:
    """Operators are told when the engine comes and goes, not at every change of an image."""
    engine = CountingImages()
    told: list[bool] = []
    async with listening(engine, told=told.append) as images:
        engine.add("gcc:latest")
        engine.stop_listening()
        await until(lambda: not images.is_listening)

    assert told == [True, False]


async def test_an_absent_image_is_asked_for_again() -> None:
    """An absent image is asked for each time, as it may have come meanwhile."""
    engine = CountingImages()
    async with listening(engine) as images:
        assert [await images.image_id("gcc"), await images.image_id("gcc")] == [None, None]

    assert engine.questions == 2


async def test_a_change_is_heard_of() -> None:
    """A removed image is forgotten, and those who listen are told."""
    engine = CountingImages()
    engine.add("gcc:latest")
    told: list[bool] = []
    async with listening(engine, changed=lambda: told.append(True)) as images:
        await images.image_id("gcc")
        told.clear()
        engine.remove("gcc:latest")
        await until(lambda: bool(told))

        assert await images.image_id("gcc") is None


async def test_nothing_is_remembered_while_changes_are_not_heard_of() -> None:
    """While changes are not heard of every question goes to the engine."""
    engine = CountingImages()
    engine.add("gcc:latest")
    images = Images(
        engine,
        changed=lambda: None,
        pulled=lambda name: None,
        listening=lambda _: None,
        supervisor=unheard(),
    )
    for _ in range(3):
        await images.image_id("gcc")
    await images.close()

    assert engine.questions == 3


@pytest.mark.parametrize(
    ("files", "home", "rag_lambda"),
    [
        ({}, Home.TMPFS, None),
        ({RED_AMBER_GREEN: b"->"}, Home.TMPFS, "->"),
        ({"/home/sandbox": Folder.FILLED}, Home.COPIED, None),
        ({RED_AMBER_GREEN: Folder.FILLED}, Home.TMPFS, None),
        ({RED_AMBER_GREEN: b"caf\xe9"}, Home.TMPFS, "caf\N{REPLACEMENT CHARACTER}"),
        ({RED_AMBER_GREEN: b""}, Home.TMPFS, ""),
        ({RED_AMBER_GREEN: b"x" * 1_000_000}, Home.TMPFS, None),
    ],
)
async def test_a_profile_tells_what_an_image_holds(
    files: dict[str, Found], home: Home, rag_lambda: str | None
) -> None:
    """A profile tells an image's lambda, and whether it keeps something in the home."""
    engine = CountingImages()
    image = engine.add("gcc:latest", files)
    async with listening(engine) as images:
        assert await images.profile("gcc") == ImageProfile(image.image_id, home, rag_lambda)


@pytest.mark.parametrize(
    ("volumes", "empty", "filled", "is_odd"),
    [
        (("/data",), ("/data",), (), False),
        (("/full", "/more data"), ("/more data",), ("/full",), False),
        (("/sandbox", "/tmp", "/home/sandbox"), (), (), False),
        (("/data", "relative"), ("/data",), (), True),
        (("/a/../b",), (), (), True),
        (("/",), (), (), True),
        (("/tmp/x",), ("/tmp/x",), (), True),  # below one of ours
        (("/home",), ("/home",), (), True),
        (("/data", "/data/x"), ("/data", "/data/x"), (), True),
        (("/file",), (), (), True),
        (tuple(f"/{n}" for n in range(17)), (), (), True),
    ],
)
async def test_a_profile_tells_which_volumes_an_image_declares(
    volumes: tuple[str, ...], empty: tuple[str, ...], filled: tuple[str, ...], is_odd: bool
) -> None:
    """Plain folders can be replaced; an image that declares others is odd, and shares nothing."""
    engine = CountingImages()
    image = engine.add("gcc:latest", {"/full": Folder.FILLED, "/file": b"x"}, volumes)
    async with listening(engine) as images:
        profile = await images.profile("gcc")

    assert profile == ImageProfile(image.image_id, Home.TMPFS, None, empty, filled, is_odd)


async def test_an_absent_image_has_no_profile() -> None:
    """An absent image has no profile until it was pulled."""
    async with listening(CountingImages()) as images:
        assert await images.profile("gcc") is None


async def test_an_image_is_read_once() -> None:
    """An image is read once, however many ask at the same time and under whichever name."""
    engine = CountingImages()
    engine.on_node["other:latest"] = engine.add("gcc:latest")
    async with listening(engine) as images:
        await asyncio.gather(*(images.profile(name) for name in ("gcc", "other") * 5))

    assert len(engine.reads) == 1


async def test_a_read_that_failed_is_tried_again() -> None:
    """All who waited for a failed read hear why, and the next question has the image read again."""
    engine = CountingImages()
    engine.add("gcc:latest")
    engine.fail_reads = [EngineError("read", "no space left")]
    async with listening(engine) as images:
        first = await asyncio.gather(
            images.profile("gcc"), images.profile("gcc"), return_exceptions=True
        )
        second = await images.profile("gcc")

    assert [str(error) for error in first] == ["read : no space left"] * 2
    assert second is not None
    assert len(engine.reads) == 2


async def test_who_leaves_does_not_end_the_read() -> None:
    """A caller that leaves does not end a read for which another may be waiting."""
    engine = CountingImages()
    engine.add("gcc:latest")
    async with listening(engine) as images:
        leaving, staying = (asyncio.create_task(images.profile("gcc")) for _ in range(2))
        await until(lambda: bool(engine.reads))
        leaving.cancel()

        assert await staying is not None
        assert leaving.cancelled()


async def test_a_pull_is_told_of_when_it_has_ended_well() -> None:
    """A pull is told of when it has ended well, and only then."""
    engine = FakeImages()
    source = FakeImages()
    engine.in_registry["gcc:latest"] = source.add("gcc:latest")
    told: list[str] = []
    async with listening(engine, pulled=told.append) as images:
        images.pull("gcc")
        images.pull("none")
        assert images.pulling == ["gcc:latest", "none:latest"]
        await until(lambda: not images.pulling)

    assert told == ["gcc:latest"]


async def test_closing_ends_pulls() -> None:
    """After closing no pull goes on in the background."""
    engine = FakeImages()
    engine.may_pull.clear()
    async with listening(engine) as images:
        images.pull("gcc")
        await until(lambda: bool(engine.pulls))

    assert images.pulling == []


async def test_so_many_images_are_remembered() -> None:
    """A node whose images are built anew for ever does not fill the daemon's memory with them."""
    engine = CountingImages()
    for number in range(MOST_PROFILES + 1):
        engine.add(f"built:{number}")
    async with listening(engine) as images:
        for number in range(MOST_PROFILES + 1):
            await images.profile(f"built:{number}")
        reads = len(engine.reads)
        await images.profile(f"built:{MOST_PROFILES}")
        of_the_latest = len(engine.reads) - reads
        await images.profile("built:0")

    assert of_the_latest == 0
    assert len(engine.reads) == reads + 1
