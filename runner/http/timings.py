"""The time that a run took, and what it took of the machine, for the client that asked for it.

In the header Server-Timing, which browsers show beside a request, and in the answer's `log` where
a request asks for that by a header. An argument in the body could not ask: the contract has every
argument but its own refused.
"""

from collections.abc import Mapping
from dataclasses import replace

from runner.kata import RunResult, Timings

ASKS_HEADER = "X-Dojo-Timings"
ANSWER_HEADER = "Server-Timing"


def asks_for_timings(headers: Mapping[str, str]) -> bool:
    """Whether a request wants them in the answer's `log`, too."""
    return headers.get(ASKS_HEADER, "").strip() == "1"


def with_timings(result: RunResult) -> RunResult:
    """The result with `timings` in its log: milliseconds by phase, and of the whole; see Used."""
    timings = {**_milliseconds(result.timings), **_used(result.timings)}
    return replace(result, log={**result.log, "timings": timings})


def server_timing(timings: Timings) -> str:
    """The value of the header: a metric for each phase that the run got through, and `total`.

    Then what is known of the machine's time, as `cpu`, and as descriptions what is no time.
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
    """Only what is known: `cpu` in milliseconds."""
    used, numbers = timings.used, dict[str, float]()
    if used.cpu_s is not None:
        numbers["cpu"] = round(used.cpu_s * 1000, 1)
    if used.memory_bytes is not None:
        numbers["memory_bytes"] = used.memory_bytes
    if used.processes is not None:
        numbers["processes"] = used.processes
    return numbers


def _words(name: str, timings: Timings) -> str:
    if name != "acquire" or timings.hit is None:
        return ""
    return f";desc={'hit' if timings.hit else 'miss'}"
