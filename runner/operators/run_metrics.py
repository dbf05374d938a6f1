"""Metrics of runs, which are counted as they end."""

from functools import cache

from prometheus_client import CollectorRegistry, Counter, Histogram

from runner.operators.image_labels import OTHER, ImageLabels
from runner.run.record import RunRecord

# The seconds of a phase: a warm run takes 0.02 s, and a browser gives up after 30 s.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0)
# 4 MiB to 1 GiB, by powers of two; a container may take 2 GiB.
_BYTES = tuple(float(1 << power) for power in range(22, 31))


class RunMetrics:
    """Runs by image and outcome, and how long they took."""

    def __init__(self, registry: CollectorRegistry, labels: ImageLabels) -> None:
        self._labels = labels
        runs = Counter(
            "runner_runs", "Runs, by how they ended.", ["image", "outcome"], registry=registry
        )
        phases = Histogram(
            "runner_run_duration_seconds",
            "Phases of a run: queue (for a place), acquire (a container), run, judge (files and"
            " colour).",
            ["image", "phase"],
            buckets=_BUCKETS,
            registry=registry,
        )
        whole = Histogram(
            "runner_whole_run_duration_seconds",
            "Runs from their arrival to their result.",
            ["image"],
            buckets=_BUCKETS,
            registry=registry,
        )
        cpu = Histogram(
            "runner_run_cpu_seconds",
            "CPU time of all processes of a run, where the answer tells it.",
            ["outcome"],
            buckets=_BUCKETS,
            registry=registry,
        )
        memory = Histogram(
            "runner_run_peak_memory_bytes",
            "Peak memory of a run: in cells its largest process's, in single use its container's.",
            ["outcome", "kind"],
            buckets=_BYTES,
            registry=registry,
        )
        # Looking a series up takes as long as counting in it, so the series are remembered. There
        # are few: see ImageLabels.
        self._runs = cache(runs.labels)
        self._phases = cache(phases.labels)
        self._whole = cache(whole.labels)
        self._cpu = cache(cpu.labels)
        self._memory = cache(memory.labels)

    def run_ended(self, run: RunRecord) -> None:
        """Count a run, with the seconds that each of its phases took.

        A run whose image is not on this node has no label of its own: made-up names must not fill
        the labels.
        """
        image = self._labels.of(run.image) if run.is_here else OTHER
        self._runs(image, run.outcome).inc()
        self._whole(image).observe(run.took_s)
        for phase, seconds in run.phases_s.items():
            self._phases(image, phase).observe(seconds)
        if run.used.cpu_s is not None:
            self._cpu(run.outcome).observe(run.used.cpu_s)
        if run.used.memory_bytes is not None:
            self._memory(run.outcome, run.kind).observe(run.used.memory_bytes)
