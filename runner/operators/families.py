"""Short ways to make the families of metrics that prometheus_client wants."""

import math
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

from pool import Buckets


def gauge(name: str, what: str, value: float) -> GaugeMetricFamily:
    """One number without labels."""
    return GaugeMetricFamily(name, what, value=value)


def counter(name: str, what: str, value: float) -> CounterMetricFamily:
    """One count without labels."""
    return CounterMetricFamily(name, what, value=value)


def counters(name: str, what: str, label: str, by: Mapping[str, float]) -> CounterMetricFamily:
    """A count for each value of a label."""
    family = CounterMetricFamily(name, what, labels=[label])
    for value, count in by.items():
        family.add_metric([value], count)
    return family


def histogram(name: str, what: str, buckets: Buckets) -> HistogramMetricFamily:
    """Durations without labels."""
    return HistogramMetricFamily(name, what, *_samples(buckets))


def histograms(
    name: str, what: str, labels: Sequence[str], by: Iterable[tuple[Sequence[str], Buckets]]
) -> HistogramMetricFamily:
    """Durations, or sizes, for each combination of the labels' values."""
    family = HistogramMetricFamily(name, what, labels=labels)
    for values, buckets in by:
        family.add_metric(values, *_samples(buckets))
    return family


def _samples(buckets: Buckets) -> tuple[list[tuple[str, float]], float]:
    bounds = [
        ("+Inf" if math.isinf(bound_s) else str(bound_s), float(count))
        for bound_s, count in buckets.up_to()
    ]
    return bounds, buckets.sum_s
