"""A kata that is to be run, and the result of its run: plain frozen data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Outcome(StrEnum):
    """How a run ended, as clients see it."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"
    TIMED_OUT = "timed_out"
    FAULTY = "faulty"
    PULLING = "pulling"


class Code(StrEnum):
    """The status of a run that has no exit status of its own; see docs/api.md."""

    PULLING = "141"
    TIMED_OUT = "142"
    MACHINERY_FAILED = "143"
    OUTPUT_UNREADABLE = "144"
    NO_STATUS = "145"


@dataclass(frozen=True)
class Kata:
    """One press of [test]. `files` maps names, relative to /sandbox, to texts."""

    id: str
    image_name: str
    max_seconds: float
    files: Mapping[str, str]
    rag_lambda: str | None = None
    hidden_filenames: tuple[str, ...] = ()


@dataclass(frozen=True)
class Text:
    """A text, cut to what may be returned."""

    content: str = ""
    truncated: bool = False


@dataclass(frozen=True)
class Used:
    """What a run took of the machine; a value is None if it is not known.

    `cpu_s` is the CPU time of all processes of the run. `memory_bytes` is a peak. In a cell it is
    that of the largest process; in a container for a single run it is that of the whole container,
    with the files that are kept in memory. `processes` counts the processes and threads that the
    run started.
    """

    cpu_s: float | None = None
    memory_bytes: int | None = None
    processes: int | None = None


NOTHING_KNOWN = Used()


@dataclass(frozen=True)
class Timings:
    """The seconds that a run took in all, and in each phase; see RunRecord for the phases.

    `hit` tells whether a warm container was there; None: the run got no container.
    """

    took_s: float = 0.0
    phases_s: Mapping[str, float] = field(default_factory=dict)
    hit: bool | None = None
    used: Used = NOTHING_KNOWN


@dataclass(frozen=True)
class RunResult:
    """The seven keys of the answer, and how long it took to get them."""

    outcome: Outcome
    status: str
    stdout: Text = Text()
    stderr: Text = Text()
    created: Mapping[str, Text] = field(default_factory=dict)
    changed: Mapping[str, Text] = field(default_factory=dict)
    log: Mapping[str, Any] = field(default_factory=dict)
    timings: Timings = field(default_factory=Timings, compare=False)
    used: Used = field(default=NOTHING_KNOWN, compare=False)
