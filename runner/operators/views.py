"""Hands events on to the metrics, the log and the book of recent runs."""

from collections.abc import Callable

from pool import Supervisor
from runner.cells.cells import CellsStatus
from runner.engine.engines import Engines
from runner.operators.gathered import Gathered
from runner.operators.health import Health
from runner.operators.limits import limits_of
from runner.operators.loop_lag import LoopLag
from runner.operators.metrics import Metrics
from runner.operators.recent_runs import BadRun, RecentRuns, RunsSeen
from runner.operators.run_log import RunLog
from runner.operators.start_line import StartLine, own_version
from runner.operators.traces import traces_of
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
        self._recent_runs = RecentRuns()
        self._run_log = RunLog(lambda: engines.log.may_be_away)
        self._traces = traces_of(settings, version=self.version)
        self._ended = Gathered(self._write_down)
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
        """Write the last runs down, and watch no more. Twice is harmless."""
        self._ended.close()
        if self._traces is not None:
            self._traces.close()
        await self._loop_lag.close()

    async def closed(self) -> None:
        """Wait a little until a collector has got the last traces."""
        if self._traces is not None:
            await self._traces.closed()

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended, in whatever way. It is in the log a moment later."""
        self._ended.put(run)

    def catch_up(self) -> None:
        """Write down now what has ended."""
        self._ended.flush()

    def runs_seen(self) -> RunsSeen:
        """The latest runs, for the live page."""
        self.catch_up()
        return self._recent_runs.look()

    def bad_runs(self) -> tuple[BadRun, ...]:
        """The latest runs that ended badly, for a sibling's page."""
        self.catch_up()
        return self._recent_runs.bad

    async def metrics_text(self, *, compress: bool) -> bytes:
        """All metrics for Prometheus; see Metrics.render_aside."""
        self.catch_up()
        return await self.metrics.render_aside(compress=compress)

    async def ready(self, cells: CellsStatus) -> None:
        """Log that the service can run katas; only the first call does."""
        await self._start_line.say(cells)

    def _write_down(self, run: RunRecord) -> None:
        self._run_log.run_ended(run)
        self.metrics.run_ended(run)
        self._recent_runs.ended(run)
        if self._traces is not None:
            self._traces.run_ended(run)
