"""Knows which images get a writable root, from what operators say and what runs have shown.

Some programs cope with the error "permission denied", but not with "read-only file system". Only a
run can show that. A run that fails with those words is made again on a writable root. If its result
is then another one, the image is remembered for a while.

A learner can print the same words on purpose. So after a few runs that were made again without a
difference, no run of the image is made again for some minutes. And an image is not remembered for
ever: after a while a run has to show the difference anew.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loguru import logger

from runner.configuration.allowed_images import AllowedImages
from runner.container.needs import Needs, Root, needs_of
from runner.container.profile import ImageProfile
from runner.latest import Latest

REMEMBERED_S = 3600.0
# After so many runs of an image that were made again without a difference, none is for PAUSE_S.
MOST_IN_VAIN = 3
PAUSE_S = 600.0
_MOST_IMAGES = 1000


@dataclass
class _Shown:
    """What the runs of one image have shown, by a monotonic clock."""

    found_out_until_s: float = 0.0
    in_vain: int = 0
    paused_until_s: float = 0.0


class Roots:
    """Images whose names begin with `read_only` never get a writable root; `writable` ones do.

    An image of which both are true gets none. `allowed` tells whether there may be writable roots
    at all. `now_s` is a monotonic clock.
    """

    def __init__(
        self,
        *,
        allowed: bool = True,
        read_only: tuple[str, ...] = (),
        writable: tuple[str, ...] = (),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = allowed
        self._read_only = AllowedImages(read_only) if read_only else None
        self._writable = AllowedImages(writable) if writable else None
        self._now_s = now_s
        self._shown: Latest[str, _Shown] = Latest(_MOST_IMAGES)  # by image id
        # By name: what was found when a run last asked, and from what.
        self._latest: Latest[str, tuple[Needs, ImageProfile, Root]] = Latest(_MOST_IMAGES)
        self._said: Latest[tuple[str, str], None] = Latest(_MOST_IMAGES)

    def needs_of(self, name: str, profile: ImageProfile) -> Needs:
        """The kinds of container for an image; if they are special, the first call logs why."""
        decided = self._root_of(name, profile.image_id)
        if (latest := self._latest.get(name)) is not None:
            needs, of_profile, of_root = latest
            if of_profile is profile and of_root is decided:
                return needs
        needs = needs_of(profile, decided)
        self._latest[name] = needs, profile, decided
        if needs.why and (profile.image_id, needs.why) not in self._said:
            self._said[profile.image_id, needs.why] = None
            root = "writable" if needs.writable_root else "read-only"
            bound = logger.bind(image=name, reason=needs.why, root=root, cells=needs.in_cells)
            bound.info("an image needs containers of its own kind")
        return needs

    def why(self, name: str) -> str:
        """The reason why the image's containers are special; empty if they are not."""
        latest = self._latest.get(name)
        return latest[0].why if latest else ""

    def profile(self, name: str) -> dict[str, Any]:
        """What was found in the image, for operators; empty if no run has asked for that image."""
        latest = self._latest.get(name)
        return latest[1].as_json() if latest else {}

    def may_try(self, name: str, image_id: str) -> bool:
        """Whether a run that failed on a read-only root may be made again on a writable one."""
        shown = self._shown.get(image_id)
        is_paused = shown is not None and self._now_s() < shown.paused_until_s
        return self._root_of(name, image_id) is Root.BY_PROFILE and not is_paused

    def tried(self, name: str, profile: ImageProfile, *, changed: bool) -> None:
        """A run was made again; `changed` tells whether its result was another one."""
        shown = self._shown.get(profile.image_id) or _Shown()
        self._shown[profile.image_id] = shown
        if changed:
            shown.found_out_until_s = self._now_s() + REMEMBERED_S
            shown.in_vain = 0
            self.needs_of(name, profile)
            return
        shown.in_vain += 1
        if shown.in_vain >= MOST_IN_VAIN:
            shown.in_vain = 0
            shown.paused_until_s = self._now_s() + PAUSE_S

    def _root_of(self, name: str, image_id: str) -> Root:
        if not self._allowed or (self._read_only and self._read_only.allows(name)):
            return Root.READ_ONLY
        if self._writable and self._writable.allows(name):
            return Root.WRITABLE
        shown = self._shown.get(image_id)
        if shown is not None and self._now_s() < shown.found_out_until_s:
            return Root.FOUND_OUT
        return Root.BY_PROFILE
