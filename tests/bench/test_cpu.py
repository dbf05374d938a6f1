"""The whole machine's processor time, from /proc/stat."""

import pytest

from bench import cpu

#       user nice system idle iowait irq softirq steal guest guest_nice
STAT = "cpu  100 20 30 4000 500 6 7 800 90 0\ncpu0 1 1 1 1 1 1 1 1 1 1\n"


def test_work_is_what_is_neither_idle_nor_waiting_nor_stolen() -> None:
    """A guest's time is not added, as the kernel counts it as user time already."""
    assert cpu.busy_s(STAT, 100) == pytest.approx((100 + 20 + 30 + 6 + 7) / 100)


def test_another_file_is_refused() -> None:
    """A file that is not the kernel's is refused rather than counted as work."""
    with pytest.raises(ValueError, match="not /proc/stat"):
        cpu.busy_s("intr 1 2 3\n", 100)


def test_this_machine_can_be_read() -> None:
    """Of two readings the second has no less work than the first."""
    before = cpu.read()

    used = cpu.read() - before

    assert used.at_s > 0
    assert used.busy_s >= 0
    assert used.own_s >= 0
