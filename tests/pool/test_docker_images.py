"""Images on the real engine."""

import asyncio
import io
import tarfile
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

import pytest

from pool import (
    DockerClient,
    DockerContainers,
    DockerImages,
    EngineError,
    Folder,
    Found,
    ImageMissingError,
)
from tests.waiting import eventually

PYTHON = "dojo-runner/python-pytest:latest"
TOOLED_HOME = "dojo-runner/tooled-home:latest"
RAG = "/usr/local/bin/red_amber_green.rb"


@pytest.fixture
def label() -> str:
    """A label of this test's own."""
    return f"dojo-runner.test-{uuid.uuid4().hex}"


@pytest.fixture
def docker_images(docker_client: DockerClient, label: str) -> DockerImages:
    """Images of the real engine."""
    return DockerImages(docker_client, {label: "1"})


@pytest.fixture
async def links(docker_images: DockerImages, docker_client: DockerClient) -> AsyncIterator[str]:
    """The id of an image that is made of links, odd files and directories."""
    name = f"dojo-runner-test-{uuid.uuid4().hex}:latest"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        _add(tar, "real/rag.rb", b"the lambda")
        _add(tar, "empty/", None)
        _add(tar, "full/.hidden", b"x")
        _add(tar, "large", b"x" * 1001)
        _add(tar, "exact", b"x" * 1000)
        _add(tar, "nothing", b"")
        _add(tar, "huge", b"x" * 3_000_000)
        for number in range(300):
            _add(tar, f"crowd/{number:0100}", b"y" * 2000)
        for link, target in {
            "absolute": "/real/rag.rb",
            "bin/relative": "../real/rag.rb",
            "twice": "absolute",
            "dangling": "nowhere",
            "loop": "loop",
            "loop-of-two": "loop-again",
            "loop-again": "loop-of-two",
            "chain-0": "real/rag.rb",
            **{f"chain-{number}": f"chain-{number - 1}" for number in range(1, 8)},
            "out": "/../../../../etc/hostname-of-the-host",
            "far": "/../" * 50 + "real/rag.rb",
            "to-dir": "real",
        }.items():
            entry = tarfile.TarInfo(link)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            tar.addfile(entry)
    await docker_images.load(name, _pieces(packed.getvalue()))
    yield (await docker_images.image(name)).image_id
    await docker_client.docker.images.delete(name, force=True)


def _add(tar: tarfile.TarFile, name: str, content: bytes | None) -> None:
    entry = tarfile.TarInfo(name)
    if content is None:
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
    else:
        entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content or b""))


# The real engine


@pytest.mark.docker
async def test_an_image_has_an_id(docker_images: DockerImages) -> None:
    """The name of an image leads to what it is now."""
    image = await docker_images.image(PYTHON)

    assert image.image_id.startswith("sha256:")
    assert await docker_images.image(image.image_id) == image


@pytest.mark.docker
async def test_an_absent_image_is_missing(docker_images: DockerImages) -> None:
    """A question about an absent image raises ImageMissingError."""
    with pytest.raises(ImageMissingError, match="nosuch/image"):
        await docker_images.image("nosuch/image:latest")


@pytest.mark.docker
async def test_reads_the_lambda_of_an_image(docker_images: DockerImages) -> None:
    """The lambda is read as it is in the image."""
    image = await docker_images.image(PYTHON)

    files = await docker_images.read_files(image.image_id, (RAG,), 100_000)

    lambda_source = files[RAG]
    assert isinstance(lambda_source, bytes)
    assert b"lambda" in lambda_source


@pytest.mark.docker
async def test_reads_files_and_looks_into_directories(
    docker_images: DockerImages, links: str
) -> None:
    """A file's content, that a folder holds something, and None for all else."""
    wanted: dict[str, Found | None] = {
        "/real/rag.rb": b"the lambda",
        "/nothing": b"",
        "/full": Folder.FILLED,
        "/crowd": Folder.FILLED,
        "/empty": None,
        "/absent": None,
        "/absent/deeper": None,
    }

    assert await docker_images.read_files(links, tuple(wanted), 1000) == wanted


@pytest.mark.docker
async def test_follows_links(docker_images: DockerImages, links: str) -> None:
    """Links are followed wherever they lead within the image.

    Those that lead nowhere, or in circles, are absent.
    """
    wanted: dict[str, Found | None] = {
        "/absolute": b"the lambda",
        "/bin/relative": b"the lambda",
        "/twice": b"the lambda",
        "/to-dir": Folder.FILLED,
        "/to-dir/rag.rb": b"the lambda",
        "/dangling": None,
        "/loop": None,
        "/loop-of-two": None,
        "/chain-7": None,  # over the number of links that are followed
        "/chain-3": b"the lambda",
        "/real/rag.rb/deeper": None,
        "/out": None,
        "/far": b"the lambda",
    }

    assert await docker_images.read_files(links, tuple(wanted), 1000) == wanted


@pytest.mark.docker
async def test_a_file_over_the_limit_is_not_read(docker_images: DockerImages, links: str) -> None:
    """A file of just the limit is read whole; of one with a byte more nothing is read."""
    files = await docker_images.read_files(links, ("/exact", "/large", "/huge"), 1000)

    assert files == {"/exact": b"x" * 1000, "/large": None, "/huge": None}


@pytest.mark.docker
async def test_reading_leaves_nothing_behind(
    docker_images: DockerImages, docker_containers: DockerContainers, label: str
) -> None:
    """The container that was read through is gone."""
    image = await docker_images.image(PYTHON)

    await docker_images.read_files(image.image_id, (RAG, "/home/sandbox"), 1000)

    assert await docker_containers.list_containers(f"{label}=1") == []


@pytest.mark.docker
async def test_a_cancelled_reading_leaves_nothing_behind(
    docker_images: DockerImages, docker_containers: DockerContainers, label: str
) -> None:
    """Nothing is left, whenever the reading is cancelled, in the middle of the create too."""
    image = await docker_images.image(PYTHON)
    for delay_s in (0, 0.001, 0.005, 0.01, 0.02, 0.04, 0.08):
        task = asyncio.create_task(docker_images.read_files(image.image_id, (RAG,), 100_000))
        await asyncio.wait((task,), timeout=delay_s)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    # One more, to its end: the engine is done with all creates before this one.
    await docker_images.read_files(image.image_id, (RAG,), 100_000)
    await eventually(
        lambda: docker_containers.list_containers(f"{label}=1"), lambda listed: listed == []
    )


@pytest.mark.docker
async def test_reading_an_absent_image_is_missing(docker_images: DockerImages) -> None:
    """An image that vanishes between the question and the reading is reported as missing."""
    with pytest.raises(ImageMissingError):
        await docker_images.read_files("nosuch/image:latest", (RAG,), 1000)


@pytest.mark.docker
async def test_hears_of_changes(docker_images: DockerImages, docker_client: DockerClient) -> None:
    """A name that comes and a name that goes: each is heard of."""
    name = f"dojo-runner-test-{uuid.uuid4().hex}"
    async with asyncio.timeout(20), aclosing(docker_images.image_changes()) as changes:
        await anext(changes)  # listening

        async with docker_client.call("tag", 10) as docker:
            await docker.images.tag(PYTHON, name)
        await anext(changes)
        assert await docker_images.image(name) == await docker_images.image(PYTHON)
        async with docker_client.call("untag", 10) as docker:
            await docker.images.delete(name)
        await anext(changes)

        with pytest.raises(ImageMissingError):
            await docker_images.image(name)


@pytest.mark.docker
async def test_a_failing_pull_says_why(docker_images: DockerImages) -> None:
    """A pull that fails tells the engine's own words about the registry."""
    with pytest.raises(EngineError, match="connection refused") as caught:
        await docker_images.pull("127.0.0.1:1/nobody/here:latest")

    assert caught.value.operation == "pull"
    assert caught.value.image == "127.0.0.1:1/nobody/here:latest"


@pytest.mark.docker
async def test_the_names_of_images(docker_images: DockerImages) -> None:
    """Each name has its tag, and they are in order."""
    names = await docker_images.names()

    assert PYTHON in names
    assert names == sorted(names)


@pytest.mark.docker
async def test_an_image_is_made_of_files(
    docker_images: DockerImages, docker_client: DockerClient
) -> None:
    """The files of a tar become an image, which can be read like any other."""
    name = f"dojo-runner-test-{uuid.uuid4().hex}:1"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        _add(tar, "opt/tool", b"a program")
    await docker_images.load(name, _pieces(packed.getvalue()))
    try:
        found = await docker_images.read_files(name, ("/opt/tool",), 100)
    finally:
        await docker_client.docker.images.delete(name)

    assert found == {"/opt/tool": b"a program"}


@pytest.mark.docker
@pytest.mark.parametrize("case", ["no tar", "an error"])
async def test_a_load_that_fails_makes_no_image(docker_images: DockerImages, case: str) -> None:
    """What is no tar, and a tar that breaks off with an error, is an error, and no image."""
    name = f"dojo-runner-test-{uuid.uuid4().hex}:1"
    error = OSError("the disk is gone") if case == "an error" else None

    with pytest.raises(EngineError) as caught:
        await docker_images.load(name, _pieces(b"x" * 5000, error))

    assert (caught.value.operation, caught.value.image) == ("load", name)
    with pytest.raises(ImageMissingError):
        await docker_images.image(name)


async def _pieces(packed: bytes, error: OSError | None = None) -> AsyncIterator[bytes]:
    for place in range(0, len(packed), 1000):
        yield packed[place : place + 1000]
    if error is not None:
        raise error


# An engine that has a bad day
