"""Metrics of the service as it is when Prometheus asks."""

from collections.abc import Iterable
from dataclasses import asdict

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from runner.operators.families import counter, counters, gauge
from runner.operators.health import Health
from runner.run.judge import ColoursStatus


def families_of(health: Health) -> Iterable[Metric]:
    """All families of metrics without a label for the image."""
    yield from _gauges(health)
    yield counter(
        "runner_refused_runs",
        "Runs that were refused: the queue was full, or no place became free in time.",
        health.refused,
    )
    yield _notices(health)
    yield from _loops(health)
    yield from _colours(health.colours)
    for name, limit in asdict(health.limits).items():
        yield gauge(f"runner_limit_{name}", "A limit that holds in this process.", limit)


def _gauges(health: Health) -> Iterable[Metric]:
    yield gauge("runner_engine_up", "Whether the engine answers.", health.engine_answers)
    yield gauge("runner_inflight_runs", "Runs that go on now.", health.running)
    yield gauge("runner_queued_runs", "Runs that wait for their turn.", health.queued)
    yield gauge(
        "runner_pulls_underway", "Images that are pulled, or wait to be.", len(health.pulling)
    )
    yield gauge(
        "runner_pulls_failed",
        "Images that are wanted, and whose last pull failed.",
        sum(bool(pull.last_error) for pull in health.pulls.values()),
    )
    yield gauge(
        "runner_pulls_longest_wait_seconds",
        "How long the image has been wanted that is waited for longest.",
        max((pull.since_s for pull in health.pulls.values()), default=0.0),
    )
    yield gauge("runner_siblings", "Siblings that are told of takes.", len(health.siblings))
    yield gauge(
        "runner_siblings_paused",
        "Siblings that do not answer, and are left alone for a while.",
        sum(sibling.paused_s > 0 for sibling in health.siblings),
    )
    yield gauge(
        "runner_cells",
        "Whether containers serve many runs, each in a cell.",
        health.cells.kind == "cells",
    )
    yield gauge(
        "runner_network_holders",
        "Containers that lend networks to those that are started.",
        health.networks.holders,
    )


def _notices(health: Health) -> Metric:
    notices = CounterMetricFamily(
        "runner_refill_notices",
        "Notices from and to siblings, by their result.",
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
        "1 while a loop in the background runs, 0 while it waits to begin again after a failure.",
        labels=["loop"],
    )
    for name, loop in health.loops.items():
        failures.add_metric([name], loop.failures)
        running.add_metric([name], loop.is_running)
    return (failures, running)


def _colours(colours: ColoursStatus) -> Iterable[Metric]:
    yield gauge("runner_colours_can_be_told", "Whether Ruby can be asked now.", colours.can_be_told)
    yield counters(
        "runner_colour_questions",
        "Questions for a colour, by where the answer came from: memory or Ruby.",
        "answered_by",
        {"memory": colours.known, "ruby": colours.asked},
    )
    yield counter("runner_colour_faults", "Runs that got no colour.", colours.faulty)
    yield counter(
        "runner_evaluator_restarts",
        "Containers of Ruby that ended and were replaced.",
        colours.evaluator_restarts,
    )
