"""A whole engine in memory: images, containers of kata, and one of the traffic light."""

from collections.abc import Callable

from pool import EngineError
from runner.engine.engines import Engines
from runner.engine.log import EngineLog
from tests.fakes.containers import FakeContainers, Program
from tests.fakes.images import FakeImages
from tests.fakes.kata import LocalKata
from tests.fakes.launcher import FakeLauncher
from tests.fakes.networks import FakeNetworks
from tests.fakes.traffic_light import status_light


class FakeEngine:
    """Must be made in a running loop. `failed` hears of failed calls, as with a real engine."""

    def __init__(self, failed: Callable[[EngineError], None] = lambda error: None) -> None:
        self.log = EngineLog("unix:///fake.sock")

        def reported(error: EngineError) -> None:
            failed(error)
            self.log.failed(error)

        self.images = FakeImages(reported)
        self.kata = LocalKata()
        self.launcher = FakeLauncher(self.kata)
        programs: dict[str, Program] = {
            "bash": self.kata,
            "ruby": status_light,
            "/.dojo/cells": self.launcher,
            "/networks": FakeNetworks(),
        }
        self.containers = FakeContainers(self.images, programs, reported)
        self.is_closed = False

    def engines(self) -> Engines:
        """The engines on which a Service is made."""
        return Engines(self.containers, self.images, self._close, self.log)

    async def _close(self) -> None:
        hangs = not self.containers.may_remove.is_set()
        assert hangs or not self.containers.present, "a removal would be cut off"
        self.is_closed = True
