"""Logs one line for each run."""

from collections.abc import Callable, Mapping
from typing import Any

from runner.kata import Outcome, Used
from runner.operators.logs import say
from runner.run.record import ABANDONED, RunRecord

_BAD = (Outcome.TIMED_OUT, Outcome.FAULTY)


class RunLog:
    """Says how each run ended, at INFO; for a time-out and a faulty run at WARNING.

    While `engine_may_be_away` a faulty run is no news, and its line is at DEBUG: the log has a line
    of its own that the engine is lost.
    """

    def __init__(self, engine_may_be_away: Callable[[], bool]) -> None:
        self._engine_may_be_away = engine_may_be_away

    def run_ended(self, run: RunRecord) -> None:
        """Log one line; see RunRecord for what is in it."""
        say(*self._words_for(run), fields_of(run), run.ended_at_s)

    def _words_for(self, run: RunRecord) -> tuple[str, str]:
        if run.outcome == ABANDONED:
            return "INFO", "run abandoned"
        if run.outcome not in _BAD:
            return "INFO", "run ended"
        is_news = run.outcome != Outcome.FAULTY or not self._engine_may_be_away()
        return ("WARNING" if is_news else "DEBUG"), "run ended badly"


def fields_of(run: RunRecord) -> Mapping[str, Any]:
    """The fields of the line, in milliseconds and bytes, without those that the run lacks."""
    fields: dict[str, Any] = {"kata_id": run.kata_id, "image": run.image, "outcome": run.outcome}
    if run.status:
        fields["status"] = run.status
    if run.reason:
        fields["reason"] = run.reason
    if run.hit is not None:
        fields["take"] = "hit" if run.hit else "miss"
        fields["kind"] = run.kind
        fields["container"] = run.container
    for phase, phase_s in run.phases_s.items():
        fields[f"{phase}_ms"] = _ms(phase_s)
    _add_used(fields, run.used)
    fields["took_ms"] = _ms(run.took_s)
    fields["bytes_in"] = run.bytes_in
    fields["bytes_out"] = run.bytes_out
    if run.trace is not None:
        fields.update(run.trace.fields)
    return fields


def _add_used(fields: dict[str, Any], used: Used) -> None:
    if used.cpu_s is not None:
        fields["cpu_ms"] = _ms(used.cpu_s)
    if used.memory_bytes is not None:
        fields["memory_bytes"] = used.memory_bytes
    if used.processes is not None:
        fields["processes"] = used.processes


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
