"""The service's own image: found by the mounts of its container, and used for a missing one."""

import pytest

from pool import EngineError, ImageMissingError
from runner.engine.own_image import LABEL, ChosenImage, OrOwnImage, own_container_id
from tests.fakes import FakeEngine

ID = "1f" * 32
MOUNTS = f"""\
22 27 0:21 / /proc rw,relatime - proc proc rw
612 600 8:1 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw - ext4 /dev/sda1 rw
613 600 8:1 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/sda1 rw
"""
RUBY = "dojo-runner/ruby:latest"
OWN = "sha256:0w"


@pytest.fixture
def engine() -> FakeEngine:
    """An engine on which this process's container was made of an image of the service."""
    engine = FakeEngine()
    engine.images.made_of[ID] = (OWN, dict([LABEL]))
    return engine


def test_the_container_is_known_by_its_mounts() -> None:
    """The engine mounts files from a folder that has the container's id, whatever its host name."""
    assert own_container_id(MOUNTS) == ID


@pytest.mark.parametrize(
    "mounts", ["", MOUNTS.splitlines()[0], f"1 2 0:1 /x/containers/{ID[:-1]}/hosts /etc/hosts rw"]
)
def test_a_process_of_no_container_has_none(mounts: str) -> None:
    """A process on the host, as in development, has no image of its own."""
    assert own_container_id(mounts) is None


async def test_an_image_that_is_here_is_used(engine: FakeEngine) -> None:
    """What the settings name goes before the service's own image."""
    image_id = engine.images.add(RUBY).image_id
    images = OrOwnImage(engine.images, ID)

    assert (await images.image(RUBY)).image_id == image_id
    assert images.chosen == {RUBY: ChosenImage(image_id, is_own=False)}


async def test_the_own_image_stands_in(engine: FakeEngine) -> None:
    """Where the named image is missing the service's own is used, and that can be seen."""
    images = OrOwnImage(engine.images, ID)

    assert (await images.image(RUBY)).image_id == OWN
    assert images.chosen == {RUBY: ChosenImage(OWN, is_own=True)}


@pytest.mark.parametrize("case", ["no container", "another engine's", "another program's"])
async def test_without_either_it_is_missing(engine: FakeEngine, case: str) -> None:
    """Only an image of this service stands in; else the error names what is missing."""
    if case == "another engine's":
        engine.images.made_of.clear()
    if case == "another program's":
        engine.images.made_of[ID] = (OWN, {LABEL[0]: "somebody else's"})
    images = OrOwnImage(engine.images, None if case == "no container" else ID)

    with pytest.raises(ImageMissingError, match=RUBY):
        await images.image(RUBY)
    assert images.chosen == {}


async def test_an_engine_that_fails_is_no_missing_image(engine: FakeEngine) -> None:
    """An error of the engine is told as that."""
    engine.images.bugs["image_of_container"] = EngineError("inspect", "no answer")

    with pytest.raises(EngineError, match="no answer"):
        await OrOwnImage(engine.images, ID).image(RUBY)
