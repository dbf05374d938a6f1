"""Tells settings of the service from other variables of the environment that begin like them.

Some tools and schedulers name variables after the service. Such a variable must not keep the
service from starting. A misspelt setting must, because nobody would notice that it has no effect.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

PREFIX = "CYBER_DOJO_RUNNER_"

# cyber-dojo's own tools export the name of the service's image, and of its test client. For a while
# there were services of two kinds, and tools that name them are still in use.
_OF_CYBER_DOJO = re.compile(
    PREFIX + "((CLIENT|SERVER|STATELESS|STATEFUL|PROCESSFUL)_)?"
    "((BASE_)?(IMAGE|TAG|SHA|DIGEST)|COMMIT_SHA|IMAGE_(NAME|TAG|SHA|DIGEST)|NAME|URL|VERSION"
    "|HOSTNAME|PORT|USER|CONTAINER(_NAME)?)"
)
# Kubernetes and Docker's links export the addresses of services, also of those named like ours.
# A link exports the other container's variables and name, too. The container may have a number.
_OF_A_LINK = re.compile(
    PREFIX + r"([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?)|"
    + PREFIX
    + r"(([A-Z0-9_]+_)?[0-9]+_)?(ENV_.+|NAME)"
)
_LINK = re.compile("(tcp|udp|sctp)://.*")


class UnknownVariableError(Exception):
    """A variable that neither we nor others know; the message has the setting most like it."""


def is_link(value: str) -> bool:
    """Whether a scheduler wrote this value, such as `tcp://10.0.0.1:4597`, instead of a port."""
    return _LINK.fullmatch(value) is not None


def value_of(name: str, environment: Mapping[str, str]) -> str | None:
    """A variable's value, in whichever case its name is written, as settings are read."""
    return next((value for one, value in environment.items() if one.upper() == name), None)


def of_others(environment: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """The names that begin with our prefix and belong to others, in alphabetical order.

    `settings` are our own variables. Raises UnknownVariableError for a name that is neither.
    """
    others = []
    for name in _unknown(environment, settings):
        # This is the address of a service whose name begins like ours, such as
        # cyber-dojo-runner-siblings.
        is_address = name.upper().endswith("_PORT") and is_link(environment[name])
        if not is_address and not _is_of_others(name):
            raise _not_a_setting(name, settings)
        others.append(name)
    return others


def check_names(names: Iterable[str], settings: Collection[str]) -> None:
    """Check the names of files that may hold settings. Raises UnknownVariableError, as above."""
    for name in _unknown(names, settings):
        if not _is_of_others(name):
            raise _not_a_setting(name, settings)


def _unknown(names: Iterable[str], settings: Collection[str]) -> list[str]:
    return sorted(
        name for name in names if name.upper().startswith(PREFIX) and name.upper() not in settings
    )


def _is_of_others(name: str) -> bool:
    return any(form.fullmatch(name.upper()) for form in (_OF_CYBER_DOJO, _OF_A_LINK))


def _not_a_setting(name: str, settings: Collection[str]) -> UnknownVariableError:
    # Names are compared without the prefix, which makes all of them alike.
    by_end = {setting.removeprefix(PREFIX): setting for setting in settings}
    nearest = difflib.get_close_matches(name.upper().removeprefix(PREFIX), by_end, n=1)
    hint = f"did you mean {by_end[nearest[0]]}?" if nearest else "docs/settings.md has all of them"
    return UnknownVariableError(f"{name} is not a setting; {hint}")
