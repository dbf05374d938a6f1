"""The warm-up that an image may bring: where its program is, and how each of them ended."""

import re
from typing import Any

from loguru import logger

from runner.latest import Latest

# This program of the image runs in each container or cell before that is ready, as the learner's
# user (inside/entry.sh). Processes that it leaves running are there for the one run that follows.
HOOK = "/usr/local/bin/cyber_dojo_warm_up.sh"

_MOST_IMAGES = 1000
# entry.sh prints this to stderr when the program has ended.
_SAID = re.compile(
    r"^dojo-runner: warm-up ([0-9]{1,9}) ms, ([0-9]{1,9}) KiB: (.*)\n?", re.MULTILINE
)
_WELL = "well"


def without_warm_up(complaints: str) -> str:
    """What came over a container's stderr, without the line about its warm-up."""
    return _SAID.sub("", complaints)


class WarmUps:
    """Remembers for each image the latest warm-up of a container that a run got."""

    def __init__(self) -> None:
        self._latest: Latest[str, tuple[float, float, str]] = Latest(_MOST_IMAGES)
        self._told: Latest[str, None] = Latest(_MOST_IMAGES)  # by image id

    def met(self, name: str, image_id: str, complaints: str, no_warm_up: str) -> None:
        """A run had a container of this image; if its warm-up failed, that is logged once.

        `complaints` came over the container's stderr. `no_warm_up` is the reason why the image's
        containers are started without the warm-up; it is empty if they are started with it.
        """
        if no_warm_up:
            self._tell(name, image_id, no_warm_up)
        elif said := _SAID.search(complaints):
            seconds, memory_mib, how = int(said[1]) / 1000, int(said[2]) / 1024, said[3]
            self._latest[name] = seconds, round(memory_mib, 1), "" if how == _WELL else how
            if how != _WELL:
                self._tell(name, image_id, how)

    def as_json(self, name: str, no_warm_up: str) -> dict[str, Any]:
        """The facts for operators; see `met` for `no_warm_up`."""
        seconds, memory_mib, trouble = self._latest.get(name) or (None, None, "")
        if no_warm_up:
            trouble = f"containers do not start with it: {no_warm_up}"
        return {
            "warm_up_seconds": seconds,
            "warm_up_memory_mib": memory_mib,
            "warm_up_trouble": trouble,
        }

    def _tell(self, name: str, image_id: str, why: str) -> None:
        if image_id not in self._told:
            self._told[image_id] = None
            logger.bind(image=name, reason=why).warning("the warm-up of an image is of no use")
