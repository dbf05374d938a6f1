"""Images that declare volumes: every run finds them new, and of limited size."""

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from pool import DockerClient
from tests.daemon_process import Daemon, daemon
from tests.runner.katas import building, built
from tests.waiting import eventually

pytestmark = pytest.mark.docker

BASE = "dojo-runner/busybox-bash:latest"
TOOLED = "dojo-runner/tooled-home:latest"
FILL = "mkdir /full /data && echo kept >/full/kept && chmod -R 777 /full /data"


@pytest_asyncio.fixture(scope="module")
async def client() -> AsyncIterator[DockerClient]:
    """A client of the engine."""
    async with building() as client:
        yield client


@pytest_asyncio.fixture(scope="module")
async def images(client: DockerClient) -> AsyncIterator[Mapping[str, str]]:
    """Images that declare volumes, by what is odd about them."""
    nested = "RUN mkdir -p /data/deep && chmod -R 777 /data"
    volumes = 'VOLUME ["/data", "/data/deep", "/tmp/deep"]'
    dockerfiles = {
        "plain": f'FROM {BASE}\nRUN {FILL}\nVOLUME ["/data", "/full"]\n',
        "odd": f"FROM {BASE}\n{nested}\n{volumes}\n",
    }
    contexts = {what: {"Dockerfile": text} for what, text in dockerfiles.items()}
    async with built(client, "volumes", contexts) as names:
        yield names


@pytest_asyncio.fixture(scope="module", params=["never", "cells"])
async def running(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    images: Mapping[str, str],
) -> AsyncIterator[Daemon]:
    """A daemon of each kind, gone before the images are."""
    folder = tmp_path_factory.mktemp(f"volumes-{request.param}")
    async with daemon(folder, reuse=request.param, warm="1") as running:
        yield running


PLANT = """for place in {0}; do
    ls $place | grep secret && exit 1
    echo x >$place/secret || exit 2
done"""


@pytest.mark.parametrize(
    ("what", "places"), [("plain", "/data /full"), ("odd", "/data /data/deep /tmp/deep")]
)
async def test_a_volume_is_new_for_each_run(
    running: Daemon, images: Mapping[str, str], what: str, places: str
) -> None:
    """What a run writes to a volume of the image is not there for the next, in either kind."""
    results = [await running.run(images[what], PLANT.format(places)) for _ in range(4)]

    assert [result["status"] for result in results] == ["0"] * 4, results


async def test_an_empty_volume_has_a_size(running: Daemon, images: Mapping[str, str]) -> None:
    """A volume in which the image has nothing is a tmpfs of 250 MiB, and no disk of the host's."""
    result = await running.run(images["plain"], "df -k /data | tail -1")

    words = result["stdout"]["content"].split()
    assert (words[0], words[1]) == ("tmpfs", str(250 * 1024)), result


async def test_a_filled_volume_is_a_copy(running: Daemon, images: Mapping[str, str]) -> None:
    """What the image has in a volume is there for each run, and may be changed by it."""
    script = "cat /full/kept && rm /full/kept && echo x >/full/new"

    results = [await running.run(images["plain"], script) for _ in range(2)]

    assert [result["stdout"]["content"] for result in results] == ["kept\n"] * 2, results
    assert [result["status"] for result in results] == ["0"] * 2, results


async def test_volumes_go_with_their_containers(
    tmp_path_factory: pytest.TempPathFactory, client: DockerClient, images: Mapping[str, str]
) -> None:
    """After runs that end, fail and time out, and after the daemon, no volume of theirs is left."""
    seen: set[str] = set()

    async def look(running: Daemon) -> None:
        for one in await running.containers():
            shown = await client.docker.containers.container(one.container_id).show()
            mounts = [mount for mount in shown["Mounts"] if mount["Type"] == "volume"]
            assert "/data" not in {mount["Destination"] for mount in mounts}
            seen.update(mount["Name"] for mount in mounts)

    async with daemon(tmp_path_factory.mktemp("leak"), warm="1") as running:
        for name in (images["plain"], TOOLED):
            for script in ("true", "exit 1", "kill -9 -1", "sleep 5"):
                await running.run(name, script, seconds=1)
                await running.settled()
                await look(running)

    async def left() -> set[str]:
        listed = await client.docker.volumes.list()  # type: ignore[no-untyped-call]
        return seen & {volume["Name"] for volume in listed["Volumes"] or ()}

    assert len(seen) >= 4
    await eventually(left, lambda names: not names)
