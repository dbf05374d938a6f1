"""Metrics of the pools, by image."""

from collections import Counter as Counts
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)

from pool import START_BOUNDS_S, Buckets, PoolStatistics
from runner.operators.families import histograms


@dataclass
class _Sums:
    """The sums of the figures of all pools that share a label."""

    numbers: Counts[str] = field(default_factory=Counts)
    discards: Counts[str] = field(default_factory=Counts)
    take_rate: float = 0.0
    start_rate: float = 0.0
    start_seconds: Buckets = field(default_factory=lambda: Buckets(START_BOUNDS_S))
    has_open_breaker: bool = False

    def add(self, pool: PoolStatistics) -> None:
        """Count one more pool."""
        self.take_rate += pool.take_rate
        self.start_rate += pool.start_rate
        self.discards.update(pool.discards)
        self.start_seconds.add(pool.start_seconds)
        self.has_open_breaker |= pool.pause_s > 0
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


def by_label(
    pools: Mapping[str, PoolStatistics], label: Callable[[str], str]
) -> Mapping[str, _Sums]:
    """The figures of all pools that share a label, by label."""
    sums: dict[str, _Sums] = {}
    for image, pool in pools.items():
        sums.setdefault(label(image), _Sums()).add(pool)
    return sums


def pools_of(sums_of: Mapping[str, _Sums]) -> Iterable[Metric]:
    """All families of metrics that have a label for the image."""
    containers = GaugeMetricFamily(
        "runner_pool_containers", "Containers.", labels=["image", "state"]
    )
    targets = GaugeMetricFamily(
        "runner_pool_target_containers",
        "How many containers the pool means to keep.",
        labels=["image"],
    )
    rates = GaugeMetricFamily(
        "runner_pool_takes_per_second", "Takes, as a moving average.", labels=["image"]
    )
    fills = GaugeMetricFamily(
        "runner_pool_fills_per_second", "Starts, as a moving average.", labels=["image"]
    )
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
    breakers = GaugeMetricFamily(
        "runner_pool_breaker_open",
        "Whether starts of an image have failed, so that none is tried for a while.",
        labels=["image"],
    )
    start_seconds = histograms(
        "runner_container_start_seconds",
        "From the first call of the engine to the ready mark, of starts that succeeded.",
        ["image"],
        (([image], sums.start_seconds) for image, sums in sums_of.items()),
    )
    for image, sums in sums_of.items():
        numbers = sums.numbers
        for state in ("warm", "starting", "leased"):
            containers.add_metric([image, state], numbers[state])
        targets.add_metric([image], numbers["target"])
        breakers.add_metric([image], sums.has_open_breaker)
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
    of_now = (containers, targets, rates, fills, breakers)
    return (*of_now, takes, starts, start_seconds, discards, resets, runs)
