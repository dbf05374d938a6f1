"""run_tests MARKERS [ARGUMENT...]: runs the tests that MARKERS select, in two parts.

First come those that need no engine, with two workers for each core, as they wait as long as they
compute; then those that share an engine, with one worker for each core, file by file. The further
arguments are pytest's. The exit status is that of the first part that failed.
"""

import os
import sys
from pathlib import Path

from child import block_signals, run

PYTEST = str(Path(sys.executable).with_name("pytest"))
SHARED = "(docker or clang or tools)"
NOTHING_SELECTED = 5  # pytest's own status for that
FROM_A_SIGNAL = 128  # an exit status above this


def main() -> int:
    """Run both parts; the exit status."""
    markers, *arguments = sys.argv[1:]
    block_signals()
    cores = len(os.sched_getaffinity(0))
    alone = _part(f"{markers} and not {SHARED}", 2 * cores, arguments)
    if alone > FROM_A_SIGNAL:
        return alone
    together = _part(f"{markers} and {SHARED}", cores, arguments)
    return status_of(alone, together)


def status_of(*parts: int) -> int:
    """The status of the first part that failed.

    One part may have nothing to do, but not all of them.
    """
    failed = (status for status in parts if status not in (0, NOTHING_SELECTED))
    return next(failed, min(parts))


def _part(markers: str, workers: int, arguments: list[str]) -> int:
    how = ["--numprocesses", str(workers), "--dist", "loadfile", "--no-loadscope-reorder"]
    return run([PYTEST, "-m", markers, *how, "--durations=25", *arguments])


if __name__ == "__main__":
    sys.exit(main())
