"""Whose the variables of the environment are that begin like our settings: ours, or others'.

Some tools and schedulers name variables after the service. They must not keep it from starting,
while a misspelt setting must: nobody would ever know that it has no effect.
"""

import difflib
import re
from collections.abc import Collection, Iterable, Mapping

PREFIX = "CYBER_DOJO_RUNNER_"

# cyber-dojo's own tools export where the service's image is, and what its test client is called.
# There were services of two kinds for a while, and the tools that named them are still about.
_OF_CYBER_DOJO = re.compile(
    PREFIX + "((CLIENT|SERVER|STATELESS|STATEFUL|PROCESSFUL)_)?"
    "((BASE_)?(IMAGE|TAG|SHA|DIGEST)|COMMIT_SHA|IMAGE_(NAME|TAG|SHA|DIGEST)|NAME|URL|VERSION"
    "|HOSTNAME|PORT|USER|CONTAINER(_NAME)?)"
)
# Kubernetes and Docker's links export where the services are, among them those named like ours.
# A link tells the other container's variables and name, too.
_OF_A_LINK = re.compile(
    PREFIX + r"([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR|START|END))?)|" + PREFIX + "ENV_.+"
)
_LINK = re.compile("(tcp|udp|sctp)://.*")


class UnknownVariableError(Exception):
    """A variable that is nobody's; the message names it, and the setting that is most like it."""


def is_link(value: str) -> bool:
    """Whether a scheduler wrote this (`tcp://10.0.0.1:4597`), where we expect a port."""
    return _LINK.fullmatch(value) is not None


def value_of(name: str, environment: Mapping[str, str]) -> str | None:
    """A variable's value, in whichever case its name is written, as settings are read."""
    return next((value for one, value in environment.items() if one.upper() == name), None)


def of_others(environment: Mapping[str, str], settings: Collection[str]) -> list[str]:
    """The names that begin with our prefix and are others' business, in alphabetical order.

    `settings` are the variables of ours. Raises UnknownVariableError for a name that is nobody's.
    """
    others = []
    for name in _unknown(environment, settings):
        # Of a service that is named like ours and more, such as cyber-dojo-runner-siblings.
        is_address = name.upper().endswith("_PORT") and is_link(environment[name])
        if not is_address and not _is_of_others(name):
            raise _not_a_setting(name, settings)
        others.append(name)
    return others


def check_names(names: Iterable[str], settings: Collection[str]) -> None:
    """Of files in which settings may be. Raises UnknownVariableError for one that is nobody's."""
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
    # Without the prefix, which makes all names alike.
    by_end = {setting.removeprefix(PREFIX): setting for setting in settings}
    nearest = difflib.get_close_matches(name.upper().removeprefix(PREFIX), by_end, n=1)
    hint = f"did you mean {by_end[nearest[0]]}?" if nearest else "docs/settings.md has all of them"
    return UnknownVariableError(f"{name} is not a setting; {hint}")
