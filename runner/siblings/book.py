"""Decides which notices count: not one's own, old or repeated ones, nor too many. Has no clock."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from runner.latest import Latest
from runner.siblings.notice import RefillNotice

# The clocks of replicas differ by less than this. An older notice says nothing of the present.
LONGEST_TRAVEL_S = 30.0

# How many notices of one sender count. An honest sender sends one a second for each image that is
# taken, and there are hardly ever more than 20 such images.
NOTICES_PER_S = 20.0
BURST = 40.0

# The book remembers no more pairs of sender and image, and no more senders, than these: a sender
# can make up names.
MOST_SEQUENCES = 2000
MOST_SENDERS = 100


class Verdict(StrEnum):
    """The verdict on a notice."""

    COUNTED = "counted"
    OWN = "own"
    STALE = "stale"
    FUTURE = "future"
    REPEATED = "repeated"
    LIMITED = "limited"
    UNKNOWN_IMAGE = "unknown_image"


@dataclass
class _Allowance:
    """A token bucket: it gains NOTICES_PER_S tokens a second, and holds BURST at the most."""

    left: float
    at_s: float

    def take(self, now_s: float) -> bool:
        self.left = min(BURST, self.left + max(0.0, now_s - self.at_s) * NOTICES_PER_S)
        self.at_s = now_s
        if self.left < 1:
            return False
        self.left -= 1
        return True


class NoticeBook:
    """The notices that one replica heard; `verdicts` counts them by their verdict."""

    def __init__(self, replica: str) -> None:
        self.verdicts: Counter[str] = Counter()
        self._replica = replica
        self._sequences: Latest[tuple[str, str], int] = Latest(MOST_SEQUENCES)
        self._allowances: Latest[str, _Allowance] = Latest(MOST_SENDERS)
        self._heard_s: Latest[str, float] = Latest(MOST_SENDERS)

    def judge(self, notice: RefillNotice, sender: str, now_s: float, unix_s: float) -> Verdict:
        """The verdict on a notice from `sender`, whose allowance it may use up.

        `now_s` is a time of a monotonic clock, `unix_s` of the Unix clock.
        """
        if notice.replica == self._replica:
            return Verdict.OWN
        if notice.sent_at < unix_s - LONGEST_TRAVEL_S:
            return Verdict.STALE
        if notice.sent_at > unix_s + LONGEST_TRAVEL_S:
            return Verdict.FUTURE
        about = (notice.replica, notice.image)
        if notice.sequence <= self._sequences.get(about, -1):
            return Verdict.REPEATED
        allowance = self._allowances.get(sender) or _Allowance(BURST, now_s)
        self._allowances[sender] = allowance
        if not allowance.take(now_s):
            return Verdict.LIMITED
        self._sequences[about] = notice.sequence
        self._heard_s[notice.replica] = now_s
        return Verdict.COUNTED

    def heard_ago_s(self, now_s: float) -> dict[str, float]:
        """For each replica, the seconds since a notice of its own counted."""
        return {name: round(now_s - heard_s, 3) for name, heard_s in self._heard_s.items()}
