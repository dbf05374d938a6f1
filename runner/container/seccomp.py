"""Docker's own filter of system calls, for containers that need another one than the engine's."""

import json
from importlib.resources import files
from typing import Any


def docker_seccomp_profile() -> dict[str, Any]:
    """Docker's default list of system calls, in the form that its engine takes."""
    text = (files("runner.container") / "docker_seccomp.json").read_text(encoding="utf-8")
    profile: dict[str, Any] = json.loads(text)
    del profile["comment"]
    return profile
