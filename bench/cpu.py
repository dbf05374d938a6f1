"""The use of all processors of the machine, from /proc/stat, so no engine's process is missed."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

_STAT = Path("/proc/stat")
_TICKS = os.sysconf("SC_CLK_TCK")
# The fields are user nice system idle iowait irq softirq steal. User has a guest's time already.
_BUSY = (0, 1, 2, 5, 6)


@dataclass(frozen=True)
class Reading:
    """Processor seconds so far, of the machine and of this process, at a time."""

    at_s: float
    busy_s: float
    own_s: float

    def __sub__(self, earlier: "Reading") -> "Reading":
        return Reading(
            self.at_s - earlier.at_s, self.busy_s - earlier.busy_s, self.own_s - earlier.own_s
        )


def read() -> Reading:
    """The seconds so far, of the machine and of this process."""
    return Reading(time.perf_counter(), busy_s(_STAT.read_text(), _TICKS), time.process_time())


def busy_s(stat: str, ticks: int) -> float:
    """The busy seconds of all processors; stolen time, and waits for disks, are no work."""
    name, *fields = stat.splitlines()[0].split()
    if name != "cpu":
        raise ValueError(f"not /proc/stat: {stat[:60]!r}")
    return sum(int(fields[number]) for number in _BUSY) / ticks


def of_process(pid: int) -> float:
    """Seconds that a process has used so far."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    user, system = stat.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / _TICKS
