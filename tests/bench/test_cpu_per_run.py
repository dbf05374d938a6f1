"""The comparison of two checkouts by the CPU that a run takes."""

import os
import time

import pytest

from bench.cpu_per_run import Pair, compared, process_clock


def test_pairs_are_compared_by_their_medians() -> None:
    """A round that met noise changes neither the medians of a comparison nor the
    median of its ratios.
    """
    pairs = [Pair(1.0, 1.0), Pair(1.1, 1.0), Pair(1.1, 1.0), Pair(1.2, 1.0), Pair(9.0, 1.0)]

    found = compared(pairs)

    assert (found.ours_ms, found.other_ms) == (1.1, 1.0)
    assert found.medians_differ == pytest.approx(0.1)
    assert found.median_ratio == pytest.approx(1.1)
    assert found.quartiles[0] == pytest.approx(1.05)


def test_the_clock_of_a_process_is_its_cpu_time() -> None:
    """The clock of a process tells its CPU time, and stands while the process sleeps."""
    before_s = time.process_time()
    found_s = time.clock_gettime(process_clock(os.getpid()))
    after_s = time.process_time()

    assert before_s <= found_s <= after_s
