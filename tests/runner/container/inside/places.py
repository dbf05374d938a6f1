"""Where the tests of inside/*.sh run: in which image, and how the run comes into its container.

The marks say what a test depends on: on both, on the userland, on the way, or on neither.
"""

from collections.abc import Awaitable, Callable
from enum import Enum

import pytest

from runner.kata import RunResult

GNU = "dojo-runner/python-pytest:latest"
BUSYBOX = "dojo-runner/busybox-bash:latest"
MINIMAL = "dojo-runner/minimal:latest"
MUSL = "dojo-runner/musl:latest"

LONGEST = 50 * 1024
LARGE = 300_000

# The smallest image has no programs for these: `nap S` waits, `fill FILE BYTES` writes, `wipe DIR`
# empties.
TOOLS = """
exec 9<> <(:)
nap() { read -r -t "$1" -u 9 _; }
fill() {
  local text=x
  while ((${#text} < $2)); do text+=$text; done
  printf %s "${text:0:$2}" >"$1"
}
wipe() { rm -rf "$1"/* 2>/dev/null || find "$1" -mindepth 1 -delete; }
"""


class Way(Enum):
    """How a run comes into its container."""

    ATTACH = "attach"
    EXEC = "exec"
    CELLS = "cells"


Run = Callable[..., Awaitable[RunResult]]


_IMAGES = {"gnu": GNU, "busybox": BUSYBOX, "minimal": MINIMAL, "musl": MUSL}
_PLACES = {f"{name}-{way.value}": (image, way) for name, image in _IMAGES.items() for way in Way}


# Each way and each userland once: the other places only show the same again, so only the long tests
# go there. A userland is cheapest in cells, which need not start a container for each run.
_AT_FIRST = {
    *("gnu-attach", "gnu-exec", "gnu-cells"),
    *("busybox-cells", "musl-cells", "minimal-attach"),
}


def _at(*names: str) -> pytest.MarkDecorator:
    places = [
        pytest.param(*_PLACES[name], marks=() if name in _AT_FIRST else pytest.mark.long)
        for name in names
    ]
    return pytest.mark.parametrize(("image", "way"), places, ids=names)


# What depends on both, what depends on the userland, what depends on the way, and neither.
everywhere = _at(*_PLACES)
mostly = _at("gnu-attach", "minimal-attach", "busybox-exec", "busybox-cells")
by_userland = _at(
    *("gnu-attach", "busybox-attach", "busybox-cells"),
    *("musl-attach", "musl-cells", "minimal-attach"),
)
by_way = _at("gnu-attach", "gnu-exec", "gnu-cells")
once = _at("gnu-attach")
