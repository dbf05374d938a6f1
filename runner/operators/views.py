"""Hands events on to the metrics, the log and the book of recent runs."""

from collections.abc import Callable

from pool import Supervisor
from runner.cells.cells import CellsStatus
from runner.engine.engines import Engines
from runner.operators.health import Health
from runner.operators.limits import limits_of
from runner.operators.loop_lag import LoopLag
from runner.operators.metrics import Metrics
from runner.operators.recent_runs import RecentRuns
from runner.operators.run_log import RunLog
from runner.operators.start_line import StartLine, own_version
from runner.run.record import RunRecord
from runner.settings import Settings


class Views:
    """Hands events on to all views. Must be made in a running loop.

    See Metrics for `health` and `lines_dropped`.
    """

    def __init__(
        self,
        settings: Settings,
        engines: Engines,
        health: Callable[[], Health],
        lines_dropped: Callable[[], int],
        supervisor: Supervisor,
    ) -> None:
        self.version = own_version()
        self.limits = limits_of(settings)
        self._loop_lag = LoopLag(supervisor)
        self.metrics = Metrics(
            health,
            settings.commit_sha,
            lines_dropped,
            version=self.version,
            engine_calls=engines.calls,
            loop_lag=self._loop_lag.seconds,
        )
        self.recent_runs = RecentRuns()
        self._run_log = RunLog(lambda: engines.log.may_be_away)
        self._start_line = StartLine(
            version=self.version,
            commit=settings.commit_sha,
            engine=settings.docker_host,
            engine_version=engines.version,
            limits=self.limits,
            siblings=settings.siblings,
        )

    def start(self) -> None:
        """Begin to watch the event loop, in the background."""
        self._loop_lag.start()

    async def close(self) -> None:
        """Watch no more. Twice is harmless."""
        await self._loop_lag.close()

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended, in whatever way."""
        self._run_log.run_ended(run)
        self.metrics.run_ended(run)
        self.recent_runs.ended(run)

    async def ready(self, cells: CellsStatus) -> None:
        """Log that the service can run katas; only the first call does."""
        await self._start_line.say(cells)
