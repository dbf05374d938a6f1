"""The engine in memory under the names that the pool's tests use."""

from tests.fakes import FakeContainers as FakeEngine
from tests.fakes import FakeStream

__all__ = ["FakeEngine", "FakeStream"]
