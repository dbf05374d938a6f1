"""What the host of the tests cannot have, so that a test that needs it is skipped with a reason."""

from collections.abc import Iterable, Mapping
from pathlib import Path

# The kernel's switches, each with the value at which no ordinary user can make a user namespace.
_SWITCHES = {
    "/proc/sys/user/max_user_namespaces": "0",
    "/proc/sys/kernel/unprivileged_userns_clone": "0",
}
_CPUINFO = Path("/proc/cpuinfo")
_DENIED = "Permission denied"  # what AppArmor says; the kernel's switches use other words


def refusal_of_cells(
    why: str, security: Iterable[str], switches: Mapping[str, str] | None = None
) -> str:
    """The switch of this host that refuses cells; empty where none is known, which is a failure.

    `why` is what the launcher said, `security` are the options of the engine, and `switches` the
    values of the kernel's, which are read where they are not given.
    """
    values = _read() if switches is None else switches
    for path, value in _SWITCHES.items():
        if values.get(path) == value:
            return f"this host has no cells, as {path} is {value}: {why}"
    if _DENIED in why and any(option.startswith("name=apparmor") for option in security):
        return f"this host has no cells, as AppArmor lacks our profile (docs/hosts.md): {why}"
    return ""


def slowness(start_s: float, starts: int, within_s: float) -> str:
    """Why this host cannot start so many containers in this time; empty where it can.

    `start_s` is what one start takes when nothing else goes on. A budget that a test gives its
    runs is a promise to learners on hosts that people use; a virtual machine without help of its
    processor takes seconds for a start, and no promise of ours makes that less.
    """
    if starts * start_s < within_s:
        return ""
    return (
        f"this host is too slow: a container takes {start_s:.1f} s to start, and {starts} of them"
        f" would have to within {within_s:g} s"
    )


def refusal_of_browsers(processor: str | None = None) -> str:
    """Why this host cannot run Chromium; empty where it can.

    `processor` is what the kernel says of it, which is read where it is not given. Under User-Mode
    Linux, whose kernel is a process of another host, Chromium's start ends that kernel.
    """
    if "User Mode Linux" in (_CPUINFO.read_text() if processor is None else processor):
        return "this host has no browser, as Chromium ends a kernel of User-Mode Linux"
    return ""


def _read() -> dict[str, str]:
    return {path: Path(path).read_text().strip() for path in _SWITCHES if Path(path).exists()}
