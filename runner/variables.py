"""Whose the variables of the environment are that begin like our settings: ours, or others'.

Some tools and schedulers name variables after the service. They must not keep it from starting,
while a misspelt setting must: nobody would ever know that it has no effect.
"""

import difflib
import re
from collections.abc import Collection, Iterable

PREFIX = "CYBER_DOJO_RUNNER_"

# cyber-dojo's own tools export where the service's image is, and what its test client is called.
_OF_CYBER_DOJO = re.compile(
    PREFIX + "(CLIENT_|SERVER_)?(IMAGE|TAG|SHA|DIGEST|HOSTNAME|PORT|USER|CONTAINER(_NAME)?)"
)
# Kubernetes and Docker's links export where the services are, among them those named like ours.
_OF_A_LINK = re.compile(
    PREFIX + r"([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?"
    r"|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_LINK = re.compile("(tcp|udp|sctp)://.*")


class UnknownVariableError(Exception):
    """A variable that is nobody's; the message names it, and the setting that is most like it."""


def is_link(value: str) -> bool:
    """Whether a scheduler wrote this (`tcp://10.0.0.1:4597`), where we expect a port."""
    return _LINK.fullmatch(value) is not None


def of_others(environment: Iterable[str], settings: Collection[str]) -> list[str]:
    """The names that begin with our prefix and are others' business, in alphabetical order.

    `settings` are the names of ours. Raises UnknownVariableError for a name that is nobody's.
    """
    others = []
    for name in sorted(environment):
        if not name.upper().startswith(PREFIX) or name.upper() in settings:
            continue
        if not _OF_CYBER_DOJO.fullmatch(name) and not _OF_A_LINK.fullmatch(name):
            raise UnknownVariableError(f"{name} is not a setting; {_hint(name, settings)}")
        others.append(name)
    return others


def _hint(name: str, settings: Collection[str]) -> str:
    nearest = difflib.get_close_matches(name.upper(), settings, n=1, cutoff=0.8)
    return f"did you mean {nearest[0]}?" if nearest else "docs/settings.md has all of them"
