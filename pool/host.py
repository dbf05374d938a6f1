"""The room for containers that all images of one engine share, and each image's part in it.

Synchronous and without a clock. Each change concerns one image and costs O(log n) of n images, but
for `settle`, which looks at all of them and is for the upkeep.
"""

import math
from collections.abc import Iterator
from typing import Protocol

from pool.ranking import Ranking
from pool.sharing import Claim, Rank, Stake, Value, share

# So long it takes, at least, until all places of a host have moved from images to others for which
# nobody waits: each of these moves costs a start that no take has asked for.
ALL_MOVED_S = 600.0
WITHHELD_S = 300.0  # a place that no miss has needed for so long is free for images again


class Tenant(Protocol):
    """An image's pool, as the host sees it."""

    @property
    def stake(self) -> Stake:
        """The image's part in the host's books."""

    def evict_one(self, heir: Stake | None) -> None:
        """Discard the oldest warm container; see Host.evicted."""

    def refill_soon(self) -> None:
        """Start what is missing, if it may."""


class Host:
    """The books of one engine: at most `limit` containers for all images together.

    A container that a learner uses or waits for is never refused here, because admission bounds
    their number. So while there are more than the limit, no container is warm.

    A container that is started in advance, and discarded unused, costs a start that no take has
    asked for. To keep such starts few where images compete for room, (1) a container that was never
    used is discarded for another image only where a learner waits for its room, and its place stays
    empty (`withheld`) as long as misses need it; (2) with every container that a run uses up, its
    image passes the place on if another one needs it more. Thus starts do not exceed takes and the
    limit together. Only `settle`, slowly, takes places from images that are not being used up.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.warm = 0
        self.starting = 0
        self.in_use = 0  # resetting ones included
        self.withheld = 0
        self._granted = 0  # all targets together
        self._needed = 0  # so many withheld places were needed at once, since `_looked_s`
        self._looked_s = math.inf
        self._move_every_s = ALL_MOVED_S / max(1, limit)
        self._moved_s = math.inf  # no move can be due before one was wanted for so long
        self._tenants: dict[Stake, Tenant] = {}  # in the order in which they came
        self._warm_of: dict[Stake, int] = {}
        self._least_worth_keeping = Ranking[Stake]()  # of those that have a warm container
        self._most_in_need = Ranking[Stake]()  # of those that want more for takes of their own

    @property
    def room(self) -> int:
        """How many more containers fit; negative when there are too many."""
        return self.limit - self.warm - self.starting - self.in_use

    @property
    def free(self) -> int:
        """How many places no image has."""
        return self.limit - self.withheld - self._granted

    def add(self, tenant: Tenant) -> None:
        """An image is pooled from now on."""
        stake = tenant.stake
        self._tenants[stake] = tenant
        self._warm_of[stake] = 0
        self._granted += stake.target

    def remove(self, stake: Stake) -> None:
        """Its image is pooled no more, though some of its containers may still be in use."""
        if stake in self._tenants:
            self._granted -= stake.target
            del self._tenants[stake]
            self._most_in_need.drop(stake)
            self._least_worth_keeping.drop(stake)
            del self._warm_of[stake]

    def moved(self, stake: Stake, *, warm: int = 0, starting: int = 0, in_use: int = 0) -> None:
        """So many more, or fewer, of an image's containers are warm, starting or in use."""
        self.warm += warm
        self.starting += starting
        self.in_use += in_use
        if not warm or stake not in self._tenants:
            return
        before = self._warm_of[stake]
        self._warm_of[stake] += warm
        if bool(before) != bool(self._warm_of[stake]):
            self._rank(stake)

    def claim(self, stake: Stake, claim: Claim) -> None:
        """Give an image free places, as many as it asks for. Asking for fewer takes none away."""
        stake.claim(claim)
        self._retarget(stake, min(max(0, self.free), max(0, claim.target - stake.target)))

    def take(self, stake: Stake, claim: Claim, now_s: float, *, used_up: bool) -> Tenant | None:
        """The image was taken, or announced by a client of ours, and asks for so much.

        `used_up`: a warm container was taken that will never be warm again. If another image needs
        its place more, that image gets it, and its pool is returned.
        """
        stake.take(now_s)
        self.claim(stake, claim)
        if used_up and stake.target > stake.claimed:
            self._retarget(stake, -1)
        needy = self._most_in_need.least()
        if not used_up or needy is None or needy is stake or not stake.target:
            return None
        if needy.next_value() <= stake.last_value(is_firm=False):
            return None
        self._retarget(stake, -1)
        self._retarget(needy, +1)
        return self._tenants[needy]

    def make_room(self, wanted: int) -> Iterator[Tenant]:
        """Pools that must evict a container each, in turn, so that `wanted` more fit in."""
        while self.room < wanted:
            stake = self._least_worth_keeping.least()
            if stake is None:
                return
            yield self._tenants[stake]

    def evicted(self, stake: Stake, heir: Stake | None, *, was_used: bool) -> None:
        """The image has discarded a warm container because `make_room` said so.

        The place goes to the heir: the image of reusable containers of which one is started for a
        learner. Else it is withheld, so that no start is spent on what the next learner displaces;
        but a container that had served a run was not started in vain.
        """
        if self._warm_of.get(stake, 0) < stake.target:
            self._retarget(stake, -1)
            if heir is not None and heir.target < heir.claimed:
                self._retarget(heir, +1)
            elif not was_used:
                self.withheld += 1

    def learner_waits(self) -> None:
        """A start has begun that a learner waits for, perhaps in a place that is withheld."""
        self._needed = max(self._needed, self.withheld - max(0, self.room))

    def settle(self, claims: dict[Stake, Claim], now_s: float) -> None:
        """The upkeep: new claims of all images, and new targets.

        Places that are free, or free again, go to whichever image they are worth most to. Where
        images lack places, others give theirs up one by one, slowly; else at once, with demand.
        """
        for stake, claim in claims.items():
            stake.claim(claim)
            stake.look_at_the_time(now_s)
        if now_s - self._looked_s >= WITHHELD_S:
            self.withheld = min(self.withheld, self._needed)
            self._needed, self._looked_s = 0, now_s
        self._looked_s = min(self._looked_s, now_s)
        targets = share(self._tenants, self.limit - self.withheld)
        self._take_back(targets, now_s)
        self._give_what_is_free(targets)
        for stake in self._tenants:
            self._rank(stake)

    def _take_back(self, targets: dict[Stake, int], now_s: float) -> None:
        is_short = any(stake.target < min(stake.own, stake.claimed) for stake in self._tenants)
        losers = [stake for stake in self._tenants if targets[stake] < stake.target]
        for stake in losers:
            if not is_short or not stake.claimed:
                self._retarget(stake, targets[stake] - stake.target)
        losers = [stake for stake in losers if targets[stake] < stake.target]
        if not losers:
            return
        self._moved_s = min(self._moved_s, now_s)  # the first time that a move is wanted
        if now_s - self._moved_s >= self._move_every_s:
            self._retarget(min(losers, key=Stake.last_value), -1)
            self._moved_s = now_s

    def _give_what_is_free(self, targets: dict[Stake, int]) -> None:
        winners = Ranking[Stake]()
        for stake, target in targets.items():
            if stake.target < target:
                winners.put(stake, _negative(stake.next_value()))
        while self.free > 0 and (winner := winners.least()) is not None:
            winner.target += 1
            self._granted += 1
            winners.drop(winner)
            if winner.target < targets[winner]:
                winners.put(winner, _negative(winner.next_value()))

    def _retarget(self, stake: Stake, change: int) -> None:
        stake.target += change
        self._granted += change
        self._rank(stake)

    def _rank(self, stake: Stake) -> None:
        if self._warm_of.get(stake):
            has_a_place = stake.target > 0
            value = stake.last_value() if has_a_place else (Rank.HEARD, -math.inf)
            self._least_worth_keeping.put(stake, value)
        else:
            self._least_worth_keeping.drop(stake)
        if stake.target < min(stake.own, stake.claimed):
            self._most_in_need.put(stake, _negative(stake.next_value()))
        else:
            self._most_in_need.drop(stake)


def _negative(value: Value) -> tuple[float, float]:
    return -value[0], -value[1]
