"""What Prometheus gets to see: runs as they end, and the pools as they are when it asks."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

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

from runner.kata import RunResult

# A series per image is a promise to the memory of whoever keeps them: what comes after is "other".
MOST_IMAGES = 50
OTHER = "other"

# Of a phase, in seconds: a warm run takes 0.02, a browser gives up at 30.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)


class Metrics:
    """Counts runs; asks `health` (see Service.health) for everything else, at each scrape."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, health: Callable[[], Mapping[str, Any]], commit_sha: str) -> None:
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
        self._registry.register(_Pools(health, self._label))

    def run_ended(self, image: str, result: RunResult, phases_s: Mapping[str, float]) -> None:
        """Count a run, with the seconds that each of its phases took."""
        self._runs.labels(self._label(image), result.outcome.value).inc()
        for phase, seconds in phases_s.items():
            self._phases.labels(phase).observe(seconds)

    def render(self) -> bytes:
        """The text format, for `content_type`."""
        return generate_latest(self._registry)

    def _label(self, image: str) -> str:
        if image not in self._images and len(self._images) >= MOST_IMAGES:
            return OTHER
        self._images.add(image)
        return image


class _Pools(Collector):
    """Reads the pools when it is asked, so that nothing has to be kept in step."""

    def __init__(
        self, health: Callable[[], Mapping[str, Any]], label: Callable[[str], str]
    ) -> None:
        self._health = health
        self._label = label

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client's Collector."""
        health = self._health()
        yield _gauge("runner_engine_up", "Whether the engine answers.", health["engine"]["answers"])
        yield _gauge("runner_inflight_runs", "Kata that run now.", health["running"])
        yield _gauge("runner_queued_runs", "Kata that wait for their turn.", health["queued"])
        yield CounterMetricFamily(
            "runner_refused_runs", "Kata that found no place in time.", value=health["refused"]
        )
        notices = CounterMetricFamily(
            "runner_refill_notices",
            "What became of notices from and to siblings.",
            labels=["direction", "result"],
        )
        for direction in ("in", "out"):
            for result, count in health[f"notices_{direction}"].items():
                notices.add_metric([direction, result], count)
        yield notices
        yield _gauge("runner_siblings", "Siblings that are told of takes.", len(health["siblings"]))
        yield _gauge(
            "runner_siblings_paused",
            "Siblings that do not answer, and are left alone for a while.",
            sum(sibling["paused_s"] > 0 for sibling in health["siblings"]),
        )
        containers = GaugeMetricFamily(
            "runner_pool_containers", "Containers.", labels=["image", "state"]
        )
        targets = GaugeMetricFamily(
            "runner_pool_target_containers", "How many are to be warm.", labels=["image"]
        )
        rates = GaugeMetricFamily(
            "runner_pool_takes_per_second", "Moving average.", labels=["image"]
        )
        fills = GaugeMetricFamily(
            "runner_pool_fills_per_second", "Moving average.", labels=["image"]
        )
        takes = CounterMetricFamily(
            "runner_pool_takes", "Containers taken: warm, or not.", labels=["image", "result"]
        )
        starts = CounterMetricFamily(
            "runner_pool_starts", "Containers started.", labels=["image", "result"]
        )
        discards = CounterMetricFamily(
            "runner_pool_discards", "Containers thrown away.", labels=["image", "reason"]
        )
        returns = CounterMetricFamily(
            "runner_pool_returns", "Containers that came back warm after a run.", labels=["image"]
        )
        uses = SummaryMetricFamily(
            "runner_container_uses",
            "Runs that a container had served when it was thrown away.",
            labels=["image"],
        )
        for name, pool in _by_label(health["images"], self._label).items():
            for state in ("warm", "starting", "leased"):
                containers.add_metric([name, state], pool[state])
            targets.add_metric([name], pool["target"])
            rates.add_metric([name], pool["take_rate"])
            fills.add_metric([name], pool["fill_rate"])
            takes.add_metric([name, "hit"], pool["hits"])
            takes.add_metric([name, "miss"], pool["misses"])
            starts.add_metric([name, "well"], pool["starts"] - pool["failures"])
            starts.add_metric([name, "failed"], pool["failures"])
            returns.add_metric([name], pool["returns"])
            uses.add_metric([name], count_value=pool["served"], sum_value=pool["uses"])
            for reason, count in pool["discards"].items():
                discards.add_metric([name, reason], count)
        yield _gauge(
            "runner_cells",
            "Whether containers serve many runs, each in a cell.",
            health["reuse"]["kind"] == "cells",
        )
        yield from (containers, targets, rates, fills, takes, starts, returns, uses, discards)


def _gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=value)


def _by_label(
    images: Mapping[str, Mapping[str, Any]], label: Callable[[str], str]
) -> dict[str, dict[str, Any]]:
    """Images that share a label are added up."""
    merged: dict[str, dict[str, Any]] = {}
    for name, pool in images.items():
        numbers = {key: value for key, value in pool.items() if isinstance(value, int | float)}
        sums = merged.setdefault(label(name), {"discards": {}})
        for key, value in numbers.items():
            sums[key] = sums.get(key, 0) + value
        for reason, count in pool["discards"].items():
            sums["discards"][reason] = sums["discards"].get(reason, 0) + count
    return merged
