"""The answers to health checks, in the form of Kubernetes' own `/livez` and `/readyz`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pool import LoopStatus
from runner.run.judge import ColoursStatus


@dataclass(frozen=True)
class Check:
    """One condition, and `why` it does not hold. If `counts` is False, it is only shown."""

    name: str
    is_well: bool
    why: str = ""
    counts: bool = True


def is_passed(checks: Sequence[Check]) -> bool:
    """Whether all conditions that count hold."""
    return all(check.is_well for check in checks if check.counts)


def words_for(name: str, checks: Sequence[Check], *, verbose: bool) -> str:
    """The body of the answer: `ok`, or a line for each condition; all of them if `verbose`."""
    passed = is_passed(checks)
    if passed and not verbose:
        return "ok\n"
    lines = [_line(check) for check in checks]
    return "\n".join([*lines, f"{name} check {'passed' if passed else 'failed'}", ""])


def liveness(loops: Mapping[str, LoopStatus]) -> tuple[Check, ...]:
    """The conditions of being alive. That the process answers is the only one that counts.

    Loops that have failed do not count, because they begin again by themselves.
    """
    shown = (
        Check(f"loop {name}", loop.is_running, f"begins again after: {loop.last_error}", False)
        for name, loop in loops.items()
    )
    return (Check("process", True), *shown)


def readiness(
    *, is_draining: bool, engine_answers: bool, cells_decided: bool, colours: ColoursStatus
) -> tuple[Check, ...]:
    """The conditions under which a run is taken on.

    Colours do not count, for two reasons. A learner whose lambda ends the evaluator could otherwise
    take replicas away from all others. And without colours learners still see what their programs
    print.
    """
    return (
        Check("serving", not is_draining, "draining"),
        Check("engine", engine_answers, "the engine does not answer"),
        Check("cells", cells_decided, "it is not known yet whether cells can be had"),
        Check("colours", colours.can_be_told, colours.last_error, counts=False),
    )


def status_of(checks: Sequence[Check]) -> str:
    """The readiness in one word or two, for `GET /health`."""
    failed = {check.name for check in checks if not check.is_well}
    words = {
        "serving": "draining",
        "engine": "engine down",
        "cells": "starting",
        "colours": "no colours",
    }
    return next((status for name, status in words.items() if name in failed), "ok")


def _line(check: Check) -> str:
    if check.is_well:
        return f"[+]{check.name} ok"
    why = " ".join(check.why.split())  # an error of the engine may have lines of its own
    return f"[{'-' if check.counts else '!'}]{check.name} failed: {why}"
