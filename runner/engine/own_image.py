"""Finds the container of this very process, and tells that container's image from others.

The service's own image has all that the service needs: see runner/engine/tool_images.py.
"""

import re
from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
# The label by which the service's image is known; the Dockerfile sets it.
LABEL = ("org.opencontainers.image.title", "dojo-runner")

# The engine mounts these files into each of its containers, from a folder with the container's id.
_MOUNTED = re.compile(r"/containers/([0-9a-f]{64})/(?:hostname|hosts|resolv\.conf)\s")


def own_container_id(mounts: str) -> str | None:
    """The id of the container in which this process runs, out of /proc/self/mountinfo; or None."""
    found = _MOUNTED.search(mounts)
    return found[1] if found else None


def read_own_container_id() -> str | None:
    """The id of the container in which this process runs; or None."""
    try:
        return own_container_id(MOUNTS.read_text())
    except OSError:  # no Linux
        return None
