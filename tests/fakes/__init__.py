"""A container engine in memory; `FakeEngine` is where to begin."""

from tests.fakes.containers import FakeContainer, FakeContainers, Program
from tests.fakes.engine import FakeEngine
from tests.fakes.images import FakeImage, FakeImages
from tests.fakes.kata import Kata, LocalKata, archive, framed, read_kata
from tests.fakes.networks import FakeNetworks
from tests.fakes.stream import FakeStream
from tests.fakes.traffic_light import status_light

__all__ = [
    "FakeContainer",
    "FakeContainers",
    "FakeEngine",
    "FakeImage",
    "FakeImages",
    "FakeNetworks",
    "FakeStream",
    "Kata",
    "LocalKata",
    "Program",
    "archive",
    "framed",
    "read_kata",
    "status_light",
]
