"""Images in memory, and the registry that they are pulled from."""

import asyncio

import pytest

from pool import ImageMissingError
from tests.fakes import FakeImages


async def test_images_come_and_go() -> None:
    """A listener hears a first word, then of every change, and at last of the end of the stream."""
    images = FakeImages()
    changes = images.image_changes()
    await anext(changes)
    images.add("gcc:1")
    await anext(changes)
    images.remove("gcc:1")
    await anext(changes)
    images.stop_listening()
    with pytest.raises(StopAsyncIteration):
        await anext(changes)

    with pytest.raises(ImageMissingError):
        await images.image("gcc:1")


async def test_files_are_read_from_images() -> None:
    """A file that is absent, and one that is too large, is None."""
    images = FakeImages()
    image_id = images.add("gcc:1", {"/a": b"content", "/dir": b""}).image_id
    found = await images.read_files(image_id, ("/a", "/dir", "/none"), 7)
    small = await images.read_files(image_id, ("/a",), 6)

    assert found == {"/a": b"content", "/dir": b"", "/none": None}
    assert small == {"/a": None}


async def test_a_pull_brings_what_the_registry_has() -> None:
    """An image is on the node once its pull may go on."""
    images, registry = FakeImages(), FakeImages()
    images.in_registry["gcc:1"] = registry.add("gcc:1")
    images.may_pull.clear()
    pulling = asyncio.create_task(images.pull("gcc:1"))
    await asyncio.sleep(0)
    assert "gcc:1" not in images.on_node

    images.may_pull.set()
    await pulling

    assert images.on_node.keys() == {"gcc:1"}
