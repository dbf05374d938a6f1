"""Hears siblings' notices of their takes, and lets the pools expect as many."""

import time
from collections.abc import Awaitable, Callable, Mapping

from pool import ContainerSpec, EngineError, Pools, usual_name
from runner.siblings.book import NoticeBook, Verdict
from runner.siblings.notice import RefillNotice

# How many images without a pool the engine is asked about at the same time.
LOOK_UPS_AT_ONCE = 4


class Listener:
    """The listener of one replica.

    `spec_of` makes an image's container; it returns None if the image is not on this node, or not
    allowed. `now_s` is a monotonic clock, `unix_s` the Unix clock.
    """

    def __init__(
        self,
        replica: str,
        pools: Pools,
        spec_of: Callable[[str], Awaitable[ContainerSpec | None]],
        *,
        now_s: Callable[[], float] = time.monotonic,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._book = NoticeBook(replica)
        self._pools = pools
        self._spec_of = spec_of
        self._now_s = now_s
        self._unix_s = unix_s
        self._looking_up: set[str] = set()

    @property
    def verdicts(self) -> Mapping[str, int]:
        """The number of notices by verdict, or by the reason of their refusal."""
        return dict(self._book.verdicts)

    def heard_ago_s(self) -> dict[str, float]:
        """For each replica, the seconds since a notice of its own counted."""
        return self._book.heard_ago_s(self._now_s())

    async def hear(self, notice: RefillNotice, sender: str) -> Verdict:
        """Let the pools expect takes, because a sibling had some. Raises PoolClosedError."""
        verdict = self._book.judge(notice, sender, self._now_s(), self._unix_s())
        if verdict is Verdict.COUNTED:
            verdict = await self._heed(notice)
        self._book.verdicts[verdict] += 1
        return verdict

    def refused(self, why: str) -> None:
        """Count a notice that could not be read, or was not a sibling's."""
        self._book.verdicts[why] += 1

    async def _heed(self, notice: RefillNotice) -> Verdict:
        name, takes = usual_name(notice.image), notice.takes / notice.told
        pool = self._pools.get(name)
        if pool is not None:
            self._pools.hear(pool.spec, takes, announced=notice.announced)
            return Verdict.COUNTED
        if len(self._looking_up) >= LOOK_UPS_AT_ONCE or name in self._looking_up:
            return Verdict.LIMITED
        self._looking_up.add(name)
        try:
            spec = await self._spec_of(name)
        except EngineError:  # reported where it failed
            spec = None
        finally:
            self._looking_up.discard(name)
        if spec is None:
            return Verdict.UNKNOWN_IMAGE
        self._pools.hear(spec, takes, announced=notice.announced)
        return Verdict.COUNTED
