"""What a run took of the machine, as the member `.dojo/used` of its answer says."""

import re

from runner.kata import Used

# In a container for a single run the learner's program may forge these numbers, and the metrics
# add them up. So numbers beyond these limits are not believed.
_MOST_CPU_S = 3600.0
_MOST_MEMORY_BYTES = 1 << 40
_MOST_PROCESSES = 1_000_000
_LONGEST_BYTES = 512
_MOST_TIMES = 8

_MEMORY = re.compile(rb"^memory ([0-9]{1,15})$", re.MULTILINE)
_STARTED = re.compile(rb"^started ([0-9]{1,9})$", re.MULTILINE)
_CPU = re.compile(rb"^cpu ([0-9ms. \n]+)", re.MULTILINE)
# The whole of it as the launcher writes it: most runs are in cells, and five searches take a while.
_OF_A_CELL = re.compile(
    rb"memory ([0-9]{1,15})\nstarted ([0-9]{1,9})\ncpu ([0-9]{1,6})m([0-9]{1,6})\.([0-9]{3})s\n"
)
# As bash's `times` prints a time.
_TIME = re.compile(rb"(?:([0-9]{1,6})m)?([0-9]{1,6})\.([0-9]{3})s")


def used_in(content: bytes) -> Used:
    """What the member says; a number is None if it is missing, malformed or beyond its limit."""
    if len(content) > _LONGEST_BYTES:
        return Used()
    usual = _OF_A_CELL.fullmatch(content)
    if usual is not None:
        memory_bytes, processes, minutes, seconds, ms = map(int, usual.groups())
        return _believed(minutes * 60 + seconds + ms / 1000, memory_bytes, processes)
    cpu = _CPU.search(content)
    return _believed(
        None if cpu is None else _sum_s(cpu[1]),
        _number(_MEMORY, content),
        _number(_STARTED, content),
    )


def _believed(cpu_s: float | None, memory_bytes: int | None, processes: int | None) -> Used:
    return Used(
        cpu_s if cpu_s is not None and cpu_s <= _MOST_CPU_S else None,
        memory_bytes if memory_bytes is not None and memory_bytes <= _MOST_MEMORY_BYTES else None,
        processes if processes is not None and processes <= _MOST_PROCESSES else None,
    )


def _number(form: re.Pattern[bytes], content: bytes) -> int | None:
    found = form.search(content)
    return None if found is None else int(found[1])


def _sum_s(times: bytes) -> float | None:
    found = _TIME.findall(times)
    if not found or len(found) > _MOST_TIMES:
        return None
    ms = sum(int(m or 0) * 60_000 + int(s) * 1000 + int(rest) for m, s, rest in found)
    return ms / 1000
