"""Tells a run's client how long each phase took, and what the run took of the machine.

Each answer has the header Server-Timing, which browsers show beside a request. If a request asks
for it by a header, the figures are in the answer's `log`, too. A client cannot ask for them in the
body, because the contract refuses every unknown argument.
"""

from collections.abc import Mapping
from dataclasses import replace

from runner.http.statuses import ASKS_FOR_TIMINGS
from runner.kata import RunResult, Timings

ANSWER_HEADER = "Server-Timing"


def asks_for_timings(headers: Mapping[str, str]) -> bool:
    """Whether a request wants the timings in the answer's `log`, too."""
    return headers.get(ASKS_FOR_TIMINGS, "").strip() == "1"


def with_timings(result: RunResult) -> RunResult:
    """The result with `timings` in its log.

    These are the milliseconds of each phase and of the whole run, and what the run took of the
    machine (`Used`).
    """
    timings = {**_milliseconds(result.timings), **_used(result.timings)}
    return replace(result, log={**result.log, "timings": timings})


def server_timing(timings: Timings) -> str:
    """The value of the header: a metric for each phase that the run got through, and `total`.

    Behind them comes the CPU time, if it is known, as `cpu`. Figures that are no times are in the
    description of a metric.
    """
    metrics = [
        f"{name}{_words(name, timings)};dur={one_s * 1000:.1f}"
        for name, one_s in timings.phases_s.items()
    ]
    metrics.append(f"total;dur={timings.took_s * 1000:.1f}")
    for name, value in _used(timings).items():
        metrics.append(f"{name};{'dur' if name == 'cpu' else 'desc'}={value}")
    return ", ".join(metrics)


def _milliseconds(timings: Timings) -> dict[str, float]:
    seconds = {**timings.phases_s, "total": timings.took_s}
    return {name: round(one_s * 1000, 1) for name, one_s in seconds.items()}


def _used(timings: Timings) -> dict[str, float]:
    """What is known of the machine's use; `cpu` is in milliseconds."""
    used, numbers = timings.used, dict[str, float]()
    if used.cpu_s is not None:
        numbers["cpu"] = round(used.cpu_s * 1000, 1)
    if used.memory_bytes is not None:
        numbers["memory_bytes"] = used.memory_bytes
    if used.processes is not None:
        numbers["processes"] = used.processes
    return numbers


def _words(name: str, timings: Timings) -> str:
    if name != "lease" or timings.hit is None:
        return ""
    return f";desc={'hit' if timings.hit else 'miss'}"
