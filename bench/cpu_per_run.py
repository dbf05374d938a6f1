"""The daemon's own CPU for a run, beside that of another checkout of the project, in pairs.

Both daemons run at the same time, on one engine. Rounds of runs go to one and then to the other,
and the order changes from pair to pair, so both meet the same noise. The clock is the kernel's
count of a process's CPU time, threads that have ended included.
"""

import http.client
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.katas import IMAGE, TRUE, WrongAnswerError
from bench.load import arguments_of
from scripts.daemon import ROOT, RUN_SECONDS, free_port, running, wait_until_warm

WARM = {"never": 8, "cells": 4}
WAIT_S = {"never": 2.5, "cells": 0.0}  # after a round, for refills to end
UNCOUNTED = 30  # runs of each daemon, before the first pair

console = Console()


@dataclass(frozen=True)
class Pair:
    """The milliseconds of CPU for a run, in one round of each checkout."""

    ours_ms: float
    other_ms: float

    @property
    def ratio(self) -> float:
        """The ratio of the two, above one if ours takes more."""
        return self.ours_ms / self.other_ms


@dataclass(frozen=True)
class Comparison:
    """The summary of several pairs."""

    ours_ms: float
    other_ms: float
    medians_differ: float  # 0.03: the median of ours is 3 % above the other
    median_ratio: float
    quartiles: tuple[float, float]  # of the ratios


def compared(pairs: list[Pair]) -> Comparison:
    """Sum up at least two pairs."""
    ours_ms = statistics.median(pair.ours_ms for pair in pairs)
    other_ms = statistics.median(pair.other_ms for pair in pairs)
    low, middle, high = statistics.quantiles([pair.ratio for pair in pairs], n=4)
    return Comparison(ours_ms, other_ms, ours_ms / other_ms - 1, middle, (low, high))


class _Daemon:
    """A daemon of one checkout, and one connection to it that stays.

    It is asked with the same bytes whichever its version, so without this checkout's RunnerClient.
    """

    def __init__(self, port: int, pid: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=RUN_SECONDS)
        self._body = json.dumps(arguments_of(TRUE.kata)).encode()
        self._clock = process_clock(pid)

    def each_ms(self, runs: int) -> float:
        """Make so many runs, one after the other; returns the CPU for each."""
        began_s = time.clock_gettime(self._clock)
        for _ in range(runs):
            self._run()
        return (time.clock_gettime(self._clock) - began_s) / runs * 1000

    def close(self) -> None:
        self._connection.close()

    def _run(self) -> None:
        """Make one run. Raises WrongAnswerError."""
        self._connection.request("POST", "/run_cyber_dojo_sh", self._body)
        answer = self._connection.getresponse()
        said = json.loads(answer.read())
        if answer.status != 200 or said["run_cyber_dojo_sh"]["outcome"] != "green":
            raise WrongAnswerError(f"{answer.status}: {said!r:.600}")


def process_clock(pid: int) -> int:
    """The clock of a process's CPU time: clock_getcpuclockid(3), which Python does not have."""
    return (~pid << 3) | 2


@contextmanager
def _served(checkout: Path, name: str, reuse: str, launcher: str) -> Iterator[_Daemon]:
    settings = {
        "CYBER_DOJO_RUNNER_REUSE": reuse,
        "CYBER_DOJO_RUNNER_WARM_IMAGES": IMAGE,
        "CYBER_DOJO_RUNNER_WARM": str(WARM[reuse]),
        "CYBER_DOJO_RUNNER_REPLICA": f"cpu-{name}-{os.getpid()}",
    }
    if launcher:
        settings["CYBER_DOJO_RUNNER_LAUNCHER_IMAGE"] = launcher
    # Before the current folder, which comes first where a program is given by its text.
    program = (
        f"import sys; sys.path.insert(0, {str(checkout)!r});"
        " from runner.__main__ import main; main()"
    )
    port = free_port()
    log = ROOT / ".state" / f"bench-cpu-{name}.log"
    with running(log, port, program, settings) as process:
        wait_until_warm(f"http://127.0.0.1:{port}", IMAGE)
        with closing(_Daemon(port, process.pid)) as daemon:
            yield daemon


def measure(
    other: Path, *, reuse: str, pairs: int, runs: int, other_launcher: str = ""
) -> list[Pair]:
    """Measure so many pairs of rounds. Raises DaemonError, WrongAnswerError."""
    with (
        _served(ROOT, "ours", reuse, "") as ours,
        _served(other.resolve(), "other", reuse, other_launcher) as others,
    ):
        for daemon in (ours, others):
            daemon.each_ms(UNCOUNTED if reuse == "cells" else 2)
        found = []
        for number in range(pairs):
            order = [ours, others] if number % 2 == 0 else [others, ours]
            took_ms = {}
            for daemon in order:
                time.sleep(WAIT_S[reuse])
                took_ms[daemon] = daemon.each_ms(runs)
            found.append(Pair(took_ms[ours], took_ms[others]))
        return found


def main(other: Path, *, reuse: str, pairs: int, runs: int, other_launcher: str) -> int:
    """Print a line of figures, as a row for docs/benchmarks.md."""
    found = compared(
        measure(other, reuse=reuse, pairs=pairs, runs=runs, other_launcher=other_launcher)
    )
    table = Table(
        "containers", "pairs", "runs each", "other, ms", "ours, ms", "medians differ",
        "median of ratios", "quartiles",
    )  # fmt: skip
    low, high = found.quartiles
    table.add_row(
        reuse, str(pairs), str(runs), f"{found.other_ms:.2f}", f"{found.ours_ms:.2f}",
        f"{found.medians_differ:+.1%}", f"{found.median_ratio:.3f}", f"{low:.3f} to {high:.3f}",
    )  # fmt: skip
    console.print(table)
    return 0
