"""An engine, or whoever answers in its place, that says anything at all."""

import asyncio
import random
import struct
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pool import DockerClient, DockerContainers, DockerImages, EngineError
from pool.docker_stream import DockerStream
from tests.examples import examples

from .fake_dockerd import FakeDockerd, answer, raw, the_end, upgraded

pytestmark = pytest.mark.fuzz

TIMES = examples(100)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Id", "Config", "Volumes", "Names", "State", "Labels", "Status", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def random_bytes(seed: int) -> bytes:
    """Frames of an attached stream, and what is none, by chance."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    parts = []
    for _ in range(chance.randrange(6)):
        data = chance.randbytes(chance.randrange(40))
        length = chance.choice([len(data), len(data), 0, 2**32 - 1, chance.randrange(100)])
        parts.append(struct.pack(">BxxxL", chance.choice([0, 1, 2, 3, 255]), length) + data)
    return b"".join(parts) + chance.randbytes(chance.randrange(12))


async def test_any_bytes_on_a_stream(dockerd: FakeDockerd, client: DockerClient) -> None:
    """A stream of any bytes ends, and gives no more than what came."""
    dockerd.on("GET /containers/c1/json", answer({"Config": {"Tty": False}}))
    for seed in range(TIMES):
        sent = random_bytes(seed)
        dockerd.on("POST /containers/c1/attach", upgraded(sent, then=the_end))
        source = client.docker.containers.container("c1").attach(stdin=True, stdout=True)
        stream = await DockerStream.open(client, source, "c1")
        got = bytearray()
        async with asyncio.timeout(10):
            while more := await stream.read():
                got += more
        assert stream.ended
        assert len(got) <= len(sent)
        await stream.close()


async def asked(call: Any) -> None:
    """What comes of a call is a value or an EngineError, and nothing else."""
    with suppress(EngineError):
        async with asyncio.timeout(10):
            await call


@settings(max_examples=TIMES)
@given(JSON, st.sampled_from([200, 200, 404, 500]))
def test_any_json_in_an_answer(body: Any, status: int) -> None:
    """JSON of any shape in the place of an answer is a failure of the engine, not of ours."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_answered_by(body, status, folder))


async def _answered_by(body: Any, status: int, folder: str) -> None:
    dockerd = FakeDockerd(Path(folder) / "docker.sock")
    async with dockerd.listening():
        client = DockerClient(dockerd.host, lambda error: None)
        images, containers = DockerImages(client, {}), DockerContainers(client)
        for request in ("GET /images/x/json", "GET /containers/json", "GET /containers/c1/json",
                        "POST /containers/create", "POST /containers/c1/wait"):  # fmt: skip
            dockerd.on(request, answer(body, status))
        await asked(images.image("x"))
        await asked(containers.list_containers("a=b"))
        await asked(containers.last_words("c1"))
        await asked(images.read_files("sha256:1", ("/x",), 1000))
        await containers.close()
        await client.close()


async def test_any_archive(dockerd: FakeDockerd, client: DockerClient) -> None:
    """Any bytes in an archive's place are read, or refused, within their own size."""
    dockerd.on("POST /containers/create", answer({"Id": "c1"}))
    dockerd.on("DELETE /containers/c1", answer({}))
    images = DockerImages(client, {})
    for seed in range(TIMES):
        packed = random.Random(seed).randbytes(seed * 7)  # noqa: S311 - no secret
        dockerd.on("GET /containers/c1/archive", raw(packed, 200, "application/x-tar"))
        await asked(images.read_files("sha256:1", ("/x",), 1000))
