"""A test is skipped for want of cells only where a switch of the host is known to refuse them."""

import pytest

from tests.hosts import refusal_of_browsers, refusal_of_cells, slowness

DENIED = "no cell: Permission denied (AppArmor?)"
NAMESPACES = "/proc/sys/user/max_user_namespaces"
CLONE = "/proc/sys/kernel/unprivileged_userns_clone"


@pytest.mark.parametrize(
    ("why", "security", "switches", "named"),
    [
        (DENIED, ("name=apparmor", "name=seccomp,profile=builtin"), {}, "AppArmor"),
        ("no cell: No space left on device", (), {NAMESPACES: "0"}, NAMESPACES),
        ("no cell: Operation not permitted", ("name=apparmor",), {CLONE: "0"}, CLONE),
    ],
)
def test_a_host_that_refuses_cells(
    why: str, security: tuple[str, ...], switches: dict[str, str], named: str
) -> None:
    """The reason of the skip names the switch, and what the launcher said."""
    reason = refusal_of_cells(why, security, switches)

    assert named in reason
    assert why in reason


@pytest.mark.parametrize(
    ("why", "security", "switches"),
    [
        (DENIED, ("name=seccomp,profile=builtin",), {}),
        ("no cell: mounting /proc: Operation not permitted", ("name=apparmor",), {}),
        ("no cell: Operation not permitted", (), {NAMESPACES: "15000", CLONE: "1"}),
    ],
)
def test_a_launcher_that_fails_is_no_reason(
    why: str, security: tuple[str, ...], switches: dict[str, str]
) -> None:
    """Where no switch is known to refuse cells the tests of cells fail, and are not skipped."""
    assert refusal_of_cells(why, security, switches) == ""


def test_a_host_whose_starts_take_longer_than_a_budget() -> None:
    """The reason of the skip holds what a start took, and what would be needed."""
    reason = slowness(3.21, 16, 25)

    assert "3.2 s" in reason
    assert "16 of them would have to within 25 s" in reason


def test_a_host_that_is_quick_enough() -> None:
    """Nothing is skipped where the starts fit into the time, even if barely."""
    assert slowness(1.5, 16, 25) == ""


def test_a_kernel_that_a_browser_ends() -> None:
    """Where the kernel is itself a process, no test starts a browser."""
    assert "User-Mode" in refusal_of_browsers("processor\t: 0\nvendor_id\t: User Mode Linux\n")
    assert refusal_of_browsers("processor\t: 0\nvendor_id\t: GenuineIntel\n") == ""
