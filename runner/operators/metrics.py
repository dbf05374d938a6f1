"""Metrics for Prometheus: runs as they end, and the service as it is when Prometheus asks."""

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    GCCollector,
    Histogram,
    Info,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from pool import PoolStatistics
from runner.operators.health import Health
from runner.run.record import RunRecord

# A series for each image takes memory in Prometheus, so images beyond these are "other".
MOST_IMAGES = 50
OTHER = "other"

# Of a phase, in seconds: a warm run takes 0.02, a browser gives up at 30.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)


class Metrics:
    """Counts runs; asks `health` (see Service.health) for everything else, at each scrape.

    `lines_dropped` tells how many lines of the log nobody took in time.
    """

    content_type = CONTENT_TYPE_LATEST

    def __init__(
        self,
        health: Callable[[], Health],
        commit_sha: str,
        lines_dropped: Callable[[], int] = lambda: 0,
    ) -> None:
        self._registry = CollectorRegistry()
        self._images: set[str] = set()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._registry)
        Info("runner_build", "What runs here.", registry=self._registry).info(
            {"commit": commit_sha}
        )
        self._runs = Counter(
            "runner_runs", "Runs, by how they ended.", ["image", "outcome"], registry=self._registry
        )
        self._phases = Histogram(
            "runner_run_duration_seconds",
            "Phases of a run: queue, acquire (a container), run, judge (files and colour).",
            ["phase"],
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._registry.register(_Service(health, self._label, lines_dropped))

    def run_ended(self, run: RunRecord) -> None:
        """Count a run, with the seconds that each of its phases took.

        A run whose image is not on this node has no label of its own: made-up names must not fill
        the labels.
        """
        label = self._label(run.image) if run.is_here else OTHER
        self._runs.labels(label, run.outcome).inc()
        for phase, seconds in run.phases_s.items():
            self._phases.labels(phase).observe(seconds)

    def render(self) -> bytes:
        """All metrics in the text format of `content_type`."""
        return generate_latest(self._registry)

    def _label(self, image: str) -> str:
        if image not in self._images and len(self._images) >= MOST_IMAGES:
            return OTHER
        self._images.add(image)
        return image


class _Service(Collector):
    """Reads the service when Prometheus asks, so that nothing has to be kept in step."""

    def __init__(
        self,
        health: Callable[[], Health],
        label: Callable[[str], str],
        lines_dropped: Callable[[], int],
    ) -> None:
        self._health = health
        self._label = label
        self._lines_dropped = lines_dropped

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client's Collector."""
        health = self._health()
        yield from _gauges(health)
        yield CounterMetricFamily(
            "runner_refused_runs", "Kata that found no place in time.", value=health.refused
        )
        yield CounterMetricFamily(
            "runner_log_lines_dropped",
            "Lines of the log that nobody took in time.",
            value=self._lines_dropped(),
        )
        yield _notices(health)
        yield from _loops(health)
        yield from _pools(_by_label(health.pools, self._label))


def _gauges(health: Health) -> Iterable[Metric]:
    yield _gauge("runner_engine_up", "Whether the engine answers.", health.engine_answers)
    yield _gauge("runner_inflight_runs", "Kata that run now.", health.running)
    yield _gauge("runner_queued_runs", "Kata that wait for their turn.", health.queued)
    yield _gauge("runner_siblings", "Siblings that are told of takes.", len(health.siblings))
    yield _gauge(
        "runner_siblings_paused",
        "Siblings that do not answer, and are left alone for a while.",
        sum(sibling.paused_s > 0 for sibling in health.siblings),
    )
    yield _gauge(
        "runner_cells",
        "Whether containers serve many runs, each in a cell.",
        health.cells.kind == "cells",
    )


def _notices(health: Health) -> Metric:
    notices = CounterMetricFamily(
        "runner_refill_notices",
        "What became of notices from and to siblings.",
        labels=["direction", "result"],
    )
    for direction, counts in (("in", health.notices_in), ("out", health.notices_out)):
        for result, count in counts.items():
            notices.add_metric([direction, result], count)
    return notices


def _loops(health: Health) -> Iterable[Metric]:
    failures = CounterMetricFamily(
        "runner_loop_failures", "How often a loop in the background failed.", labels=["loop"]
    )
    running = GaugeMetricFamily(
        "runner_loop_running",
        "Whether a loop in the background runs now, or waits to begin again after a failure.",
        labels=["loop"],
    )
    for name, loop in health.loops.items():
        failures.add_metric([name], loop.failures)
        running.add_metric([name], loop.is_running)
    return (failures, running)


@dataclass
class _Sums:
    """Pools that share a label, added up."""

    numbers: Counts[str] = field(default_factory=Counts)
    discards: Counts[str] = field(default_factory=Counts)
    take_rate: float = 0.0
    start_rate: float = 0.0

    def add(self, pool: PoolStatistics) -> None:
        """Count one more pool."""
        self.take_rate += pool.take_rate
        self.start_rate += pool.start_rate
        self.discards.update(pool.discards)
        self.numbers.update(
            warm=pool.warm,
            starting=pool.starting,
            leased=pool.leased,
            target=pool.target,
            hits=pool.hits,
            misses=pool.misses,
            starts=pool.starts,
            failures=pool.failures,
            resets=pool.resets,
            discarded_after_runs=pool.discarded_after_runs,
            runs_of_discarded=pool.runs_of_discarded,
        )


def _by_label(
    pools: Mapping[str, PoolStatistics], label: Callable[[str], str]
) -> Mapping[str, _Sums]:
    sums: dict[str, _Sums] = {}
    for image, pool in pools.items():
        sums.setdefault(label(image), _Sums()).add(pool)
    return sums


def _pools(by_label: Mapping[str, _Sums]) -> Iterable[Metric]:
    containers = GaugeMetricFamily(
        "runner_pool_containers", "Containers.", labels=["image", "state"]
    )
    targets = GaugeMetricFamily(
        "runner_pool_target_containers",
        "How many containers the pool means to keep.",
        labels=["image"],
    )
    rates = GaugeMetricFamily("runner_pool_takes_per_second", "Moving average.", labels=["image"])
    fills = GaugeMetricFamily("runner_pool_fills_per_second", "Moving average.", labels=["image"])
    takes = CounterMetricFamily(
        "runner_pool_takes", "Containers taken: warm, or not.", labels=["image", "result"]
    )
    starts = CounterMetricFamily(
        "runner_pool_starts", "Containers started.", labels=["image", "result"]
    )
    discards = CounterMetricFamily(
        "runner_pool_discards", "Containers discarded.", labels=["image", "reason"]
    )
    resets = CounterMetricFamily(
        "runner_pool_resets", "How often a container was warm again after a run.", labels=["image"]
    )
    runs = SummaryMetricFamily(
        "runner_container_runs",
        "Runs that a container had served when it was discarded.",
        labels=["image"],
    )
    for image, sums in by_label.items():
        numbers = sums.numbers
        for state in ("warm", "starting", "leased"):
            containers.add_metric([image, state], numbers[state])
        targets.add_metric([image], numbers["target"])
        rates.add_metric([image], sums.take_rate)
        fills.add_metric([image], sums.start_rate)
        takes.add_metric([image, "hit"], numbers["hits"])
        takes.add_metric([image, "miss"], numbers["misses"])
        starts.add_metric([image, "well"], numbers["starts"] - numbers["failures"])
        starts.add_metric([image, "failed"], numbers["failures"])
        resets.add_metric([image], numbers["resets"])
        runs.add_metric(
            [image],
            count_value=numbers["discarded_after_runs"],
            sum_value=numbers["runs_of_discarded"],
        )
        for reason, count in sums.discards.items():
            discards.add_metric([image, reason], count)
    return containers, targets, rates, fills, takes, starts, discards, resets, runs


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)
