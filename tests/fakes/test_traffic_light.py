"""The traffic light in memory speaks the frames of the real one."""

from collections.abc import AsyncIterator

import pytest

from pool import ContainerSpec
from pool.engine import Stream
from tests.fakes import FakeEngine


@pytest.fixture
async def stream() -> AsyncIterator[Stream]:
    """The stream to a traffic light that is ready."""
    engine = FakeEngine()
    image_id = engine.images.add("ruby:1").image_id
    ready_mark = b"dojo-runner traffic light ready\n"
    started = await engine.containers.start(
        ContainerSpec("ruby:1", image_id, ("ruby",), ready_mark, "")
    )
    yield started.stream
    await engine.containers.remove(started.container_id)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (b'colour 15\n{"status": "0"}', b'{"colour": "green"}'),
        (b'colour 15\n{"status": "1"}', b'{"colour": "red"}'),
        (b'colour 17\n{"status": "145"}', b'{"colour": "amber"}'),
        (b'hidden 44\n{"patterns": ["b$"], "names": ["ab", "bc"]}'.replace(b"44", b"43"),
         b'{"hidden": [0]}'),
    ],
)  # fmt: skip
async def test_the_light_answers_in_frames(stream: Stream, question: bytes, answer: bytes) -> None:
    """Each answer carries the number of its question."""
    await stream.write(b"7 " + question)

    assert await stream.read() == b"7 %d\n%s" % (len(answer), answer)
