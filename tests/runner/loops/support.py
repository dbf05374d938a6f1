"""What the tests of loops share beside the fixtures."""

from dataclasses import replace
from typing import Any, TypeVar

from pool import Supervisor
from runner.operators.metrics import Metrics
from runner.service import Service
from runner.settings import Settings
from tests.runner.operators.scrape import samples
from tests.waiting import eventually

RUBY, LAUNCHER = Settings(_env_file=None).ruby_image, Settings(_env_file=None).launcher_image
T = TypeVar("T")
BUG = RuntimeError("a bug")


class Operators:
    """What operators are told of the loops of a test's supervisor, in the three places."""

    def __init__(
        self, service: Service, supervisor: Supervisor, logs: list[dict[str, Any]]
    ) -> None:
        self._service = service
        self._supervisor = supervisor
        self._logs = logs

    async def see(self, loop: str) -> None:
        """The log, `/health` and `/metrics` tell that this loop has failed once, and runs again."""
        await eventually(lambda: now(self._supervisor.loops[loop].is_running))
        [line] = [event for event in self._logs if event.get("task") == loop]
        assert (line["level"], line["message"]) == ("ERROR", "unexpected error in the background")
        assert "RuntimeError: a bug" in line["exception"]

        health = replace(self._service.health(), loops=self._supervisor.loops)
        told = {"is_running": True, "failures": 1, "last_error": "a bug"}
        assert health.as_json()["loops"][loop] == told

        seen = samples(Metrics(lambda: health, "").render().decode())
        assert seen["runner_loop_failures_total", (("loop", loop),)] == 1
        assert seen["runner_loop_running", (("loop", loop),)] == 1


async def now(value: T) -> T:
    """The value as an awaited one, for `eventually`."""
    return value
