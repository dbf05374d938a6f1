"""What an operator can do where a host refuses cells."""

# What the launcher, or the kernel through it, says; and what root can run on the host.
_COMMANDS = {
    "user.max_user_namespaces": "sysctl -w user.max_user_namespaces=1000",
    "kernel.unprivileged_userns_clone": "sysctl -w kernel.unprivileged_userns_clone=1",
    "Permission denied": "apparmor_parser --replace /etc/apparmor.d/dojo-runner-cells",
}


def with_remedy(why_not: str) -> str:
    """The reason why a host refuses cells, and the command that most likely makes it allow them.

    The reason alone, where none is known. docs/hosts.md tells of each, and where the profile is.
    """
    for words, command in _COMMANDS.items():
        if words in why_not:
            return f"{why_not}; as root on the host: {command} (docs/hosts.md)"
    return why_not
