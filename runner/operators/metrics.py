"""Metrics for Prometheus: runs as they end, and the service as it is when Prometheus asks."""

import gzip
from collections.abc import Callable, Iterable
from functools import cache

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Info,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pool import Buckets
from runner.engine.calls import EngineCalls
from runner.operators.families import counter, counters, histogram, histograms
from runner.operators.health import Health
from runner.operators.image_labels import ImageLabels
from runner.operators.pool_metrics import by_label, pools_of
from runner.operators.run_metrics import RunMetrics
from runner.operators.service_metrics import families_of
from runner.run.record import RunRecord
from runner.threads import in_turn

# With more images than these, writing the text takes more than some milliseconds.
_FEW_IMAGES = 5
# Level 1 makes the text a fifteenth of its size; level 9 takes four times as long for little more.
_COMPRESSION = 1


class Metrics:
    """Counts runs and answers; asks `health` (see Service.health) for the rest, at each scrape.

    `lines_dropped` tells how many lines of the log were dropped.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self,
        health: Callable[[], Health],
        commit_sha: str,
        lines_dropped: Callable[[], int] = lambda: 0,
        *,
        version: str = "",
        engine_calls: EngineCalls | None = None,
        loop_lag: Buckets | None = None,
    ) -> None:
        # Without this each series has a second one with the time of its creation.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._labels = ImageLabels()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        Info("runner_build", "What runs here.", registry=self._registry).info(
            {"commit": commit_sha, "version": version}
        )
        runs = RunMetrics(self._registry, self._labels)
        self.run_ended: Callable[[RunRecord], None] = runs.run_ended
        answers = Counter(
            "runner_http_answers", "Answers.", ["path", "status"], registry=self._registry
        )
        # To look a series up takes longer than to count in it.
        self._answers = cache(answers.labels)
        self._service = _Service(health, self._labels, lines_dropped, engine_calls, loop_lag)
        self._registry.register(self._service)

    def answered(self, path: str, status: int) -> None:
        """Count an answer. Each path is a series, so the caller must name few different ones."""
        self._answers(path, status).inc()

    def render(self, *, compress: bool = False) -> bytes:
        """All metrics in the text format of `content_type`, as gzip if it is to be compressed."""
        self._service.look()
        return self._write(compress)

    async def render_aside(self, *, compress: bool) -> bytes:
        """The same as `render`, in a thread if there is much to write."""
        if len(self._labels) <= _FEW_IMAGES:
            return self.render(compress=compress)
        self._service.look()
        return await in_turn(self._write, compress)

    def _write(self, compress: bool) -> bytes:
        text = generate_latest(self._registry)
        return gzip.compress(text, _COMPRESSION) if compress else text


class _Service(Collector):
    """Reads the service's state when Prometheus asks, so no copy of it must be kept up to date."""

    def __init__(
        self,
        health: Callable[[], Health],
        labels: ImageLabels,
        lines_dropped: Callable[[], int],
        engine_calls: EngineCalls | None,
        loop_lag: Buckets | None,
    ) -> None:
        self._health = health
        self._labels = labels
        self._lines_dropped = lines_dropped
        self._engine_calls = engine_calls or EngineCalls()
        self._loop_lag = loop_lag or Buckets(())
        self._seen: list[Metric] = []

    def look(self) -> None:
        """Make the families of this moment; to be called in the loop's thread."""
        self._seen = list(self._families())

    def collect(self) -> Iterable[Metric]:
        """The families of the last `look`; see prometheus_client's Collector."""
        return self._seen

    def _families(self) -> Iterable[Metric]:
        health = self._health()
        yield from families_of(health)
        yield from pools_of(by_label(health.pools, self._labels.of))
        yield counter(
            "runner_log_lines_dropped",
            "Lines of the log that nobody took in time.",
            self._lines_dropped(),
        )
        yield histograms(
            "runner_engine_call_seconds",
            "Calls of the engine, in whatever way they ended.",
            ["operation"],
            (([name], buckets) for name, buckets in self._engine_calls.seconds.items()),
        )
        yield counters(
            "runner_engine_call_failures",
            "Calls of the engine that failed.",
            "operation",
            self._engine_calls.failures,
        )
        yield histogram(
            "runner_loop_lag_seconds", "How late the event loop wakes up.", self._loop_lag
        )
