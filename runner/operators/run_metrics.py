"""Metrics of runs, which are counted as they end."""

from collections.abc import Iterable
from functools import cache

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from pool import Buckets
from runner.operators.families import histograms
from runner.operators.image_labels import OTHER, ImageLabels
from runner.run.record import RunRecord

# The seconds of a phase: a warm run takes 0.02 s, and a browser gives up after 30 s.
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
# 4 MiB to 1 GiB, by powers of two; a container may take 2 GiB.
_BOUNDS_BYTES = tuple(float(1 << power) for power in range(22, 31))


class RunMetrics:
    """Runs by image and outcome, and how long they took."""

    def __init__(self, registry: CollectorRegistry, labels: ImageLabels) -> None:
        self._labels = labels
        runs = Counter(
            "runner_runs", "Runs, by how they ended.", ["image", "outcome"], registry=registry
        )
        # To look a series up takes as long as to count in it. There are few: see ImageLabels.
        self._runs = cache(runs.labels)
        self._phases = _Histogram(
            "runner_run_duration_seconds",
            "Phases of a run: queue (for a place), lease (of a container), run, harvest (files),"
            " colour, again (on a writable root).",
            ("image", "phase"),
            _BOUNDS_S,
        )
        self._whole = _Histogram(
            "runner_whole_run_duration_seconds",
            "Runs from their arrival to their result.",
            ("image",),
            _BOUNDS_S,
        )
        self._cpu = _Histogram(
            "runner_run_cpu_seconds",
            "CPU time of all processes of a run, where the answer tells it.",
            ("outcome",),
            _BOUNDS_S,
        )
        self._memory = _Histogram(
            "runner_run_peak_memory_bytes",
            "Peak memory of a run: in cells its largest process's, in single use its container's.",
            ("outcome", "kind"),
            _BOUNDS_BYTES,
        )
        for histogram in (self._phases, self._whole, self._cpu, self._memory):
            registry.register(histogram)

    def run_ended(self, run: RunRecord) -> None:
        """Count a run, with the seconds that each of its phases took.

        A run whose image is not on this node has no label of its own: made-up names must not fill
        the labels.
        """
        image = self._labels.of(run.image) if run.is_here else OTHER
        self._runs(image, run.outcome).inc()
        self._whole.of(image).note(run.took_s)
        for phase, seconds in run.phases_s.items():
            self._phases.of(image, phase).note(seconds)
        if run.used.cpu_s is not None:
            self._cpu.of(run.outcome).note(run.used.cpu_s)
        if run.used.memory_bytes is not None:
            self._memory.of(run.outcome, run.kind).note(run.used.memory_bytes)


class _Histogram(Collector):
    """Counts in our own buckets, for a quarter of the time that prometheus_client's take."""

    def __init__(
        self, name: str, what: str, labels: tuple[str, ...], bounds: tuple[float, ...]
    ) -> None:
        self._name = name
        self._what = what
        self._labels = labels
        self._bounds = bounds
        self._by_values: dict[tuple[str, ...], Buckets] = {}

    def of(self, *values: str) -> Buckets:
        """The buckets of a series."""
        buckets = self._by_values.get(values)
        if buckets is None:
            buckets = self._by_values[values] = Buckets(self._bounds)
        return buckets

    def collect(self) -> Iterable[Metric]:
        """See prometheus_client's Collector. May be called by another thread."""
        # A list at once: a series may be added meanwhile.
        yield histograms(self._name, self._what, self._labels, list(self._by_values.items()))
