"""What operators are shown of the service, beside its health: metrics, and lines of the log."""

from collections.abc import Callable

from runner.cells.cells import CellsStatus
from runner.engines import Engines
from runner.operators.health import Health
from runner.operators.limits import limits_of
from runner.operators.metrics import Metrics
from runner.operators.run_log import RunLog
from runner.operators.start_line import StartLine, own_version
from runner.run.record import RunRecord
from runner.settings import Settings


class Views:
    """Hands on what happens to those who show it. `health` and `lines_dropped`: see Metrics."""

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        health: Callable[[], Health],
        lines_dropped: Callable[[], int],
    ) -> None:
        self.version = own_version()
        self.limits = limits_of(settings)
        self.metrics = Metrics(health, settings.commit_sha, lines_dropped)
        self._run_log = RunLog(lambda: engines.log.may_be_away)
        self._start_line = StartLine(
            version=self.version,
            commit=settings.commit_sha,
            engine=settings.docker_host,
            engine_version=engines.version,
            limits=self.limits,
            siblings=settings.siblings,
        )

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended, in whatever way."""
        self._run_log.run_ended(run)
        self.metrics.run_ended(run)

    async def ready(self, cells: CellsStatus) -> None:
        """The service can run katas; only the first time is news."""
        await self._start_line.say(cells)
