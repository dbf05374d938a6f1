"""Where a host refuses cells, the reason names the command that most likely mends it."""

import pytest

from runner.cells.remedies import with_remedy


@pytest.mark.parametrize(
    ("why", "command"),
    [
        (
            "no cell: No space left on device (user.max_user_namespaces may be 0)",
            "sysctl -w user.max_user_namespaces=1000",
        ),
        (
            "no cell: Operation not permitted (kernel.unprivileged_userns_clone may be 0)",
            "sysctl -w kernel.unprivileged_userns_clone=1",
        ),
        (
            "no cell: Permission denied (AppArmor may refuse user namespaces, see docs/hosts.md)",
            "apparmor_parser --replace /etc/apparmor.d/dojo-runner-cells",
        ),
        (
            "no cell: mounting /: Permission denied",
            "apparmor_parser --replace /etc/apparmor.d/dojo-runner-cells",
        ),
    ],
)
def test_a_known_refusal_names_a_command(why: str, command: str) -> None:
    """The launcher's own words stay, and the command follows them."""
    assert with_remedy(why) == f"{why}; as root on the host: {command} (docs/hosts.md)"


@pytest.mark.parametrize("why", ["", "not tried yet", "no cell: Invalid argument"])
def test_any_other_reason_stays_as_it_is(why: str) -> None:
    """A guess would send the operator the wrong way."""
    assert with_remedy(why) == why
