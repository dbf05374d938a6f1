"""The room for containers that all images of one engine share, and each image's part in it.

This is synchronous, and has no clock. A change concerns one image, and costs O(log n) with n
images. Only `settle`, which the upkeep calls, looks at all of them.
"""

import math
from collections.abc import Iterator
from typing import Protocol

from pool.ranking import Ranking
from pool.sharing import Claim, Rank, Stake, Value, share

# The upkeep takes at least so long to move all places of a host from some images to others. Each of
# these moves costs a start that no take has asked for.
ALL_MOVED_S = 600.0
WITHHELD_S = 300.0  # a withheld place that no miss has needed for so long is free again


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
    """The books of one engine: `limit` places for the containers of all images together.

    A container takes one place, and more if it takes more memory than `place_bytes` (`weigh`).

    A container that a learner uses or waits for is never refused here, because admission bounds
    their number. So while there are more than the limit, no container is warm.

    If a container is started in advance, and discarded before it has served a run, its start was in
    vain. Two rules keep such starts few when images compete for room:

    1. The host has an image discard a container that has served no run only if a learner of another
       image waits for its room. The place then stays empty (`withheld`) as long as misses need it.
    2. When a run takes a container of a single use, the container's place passes to another image,
       if that image needs the place more.

    So the host has hardly more starts than takes and places together. Places of images that are not
    taken are moved by `settle` only, and slowly.
    """

    def __init__(self, limit: int, place_bytes: float = math.inf) -> None:
        self.limit = limit
        self._place_bytes = place_bytes
        self.warm = 0
        self.starting = 0
        self.in_use = 0  # resetting ones included
        self.withheld = 0
        self._taken = 0  # the places of all containers
        self._granted = 0  # the places of all targets
        self._needed = 0  # the most withheld places that were needed at once since `_looked_s`
        self._looked_s = math.inf
        self._move_every_s = ALL_MOVED_S / max(1, limit)
        self._moved_s = math.inf  # the first move waits for `_move_every_s` after it was wanted
        self._tenants: dict[Stake, Tenant] = {}  # in the order in which they came
        self._warm_of: dict[Stake, int] = {}
        self._least_worth_keeping = Ranking[Stake]()  # of the images that have a warm container
        self._most_in_need = Ranking[Stake]()  # of those that lack places for takes of their own

    @property
    def room(self) -> int:
        """How many places are not taken; negative when there are too many containers."""
        return self.limit - self._taken

    @property
    def free(self) -> int:
        """How many places no image has."""
        return self.limit - self.withheld - self._granted

    def add(self, tenant: Tenant) -> None:
        """An image has a pool from now on."""
        stake = tenant.stake
        self._tenants[stake] = tenant
        self._warm_of[stake] = 0
        self._granted += stake.target * stake.places

    def remove(self, stake: Stake) -> None:
        """An image has no pool any more, although some of its containers may still be in use."""
        if stake in self._tenants:
            self._granted -= stake.target * stake.places
            del self._tenants[stake]
            self._most_in_need.drop(stake)
            self._least_worth_keeping.drop(stake)
            del self._warm_of[stake]

    def moved(self, stake: Stake, *, warm: int = 0, starting: int = 0, in_use: int = 0) -> None:
        """Count so many more, or fewer, of an image's containers as warm, starting or in use."""
        self.warm += warm
        self.starting += starting
        self.in_use += in_use
        stake.containers += warm + starting + in_use
        self._taken += (warm + starting + in_use) * stake.places
        if not warm or stake not in self._tenants:
            return
        before = self._warm_of[stake]
        self._warm_of[stake] += warm
        if bool(before) != bool(self._warm_of[stake]):
            self._rank(stake)

    def weigh(self, stake: Stake, memory_bytes: int) -> None:
        """A new container of the image takes so much memory; the image's largest one counts.

        A container never takes more places than the host has, because that image would never be
        warm. If the targets do not fit into the host any more, this image's target falls at once,
        and the upkeep shares the places anew.
        """
        places = min(self.limit, math.ceil(memory_bytes / self._place_bytes))
        if places <= stake.places:
            return
        self._taken += (places - stake.places) * stake.containers
        if stake in self._tenants:
            self._granted += (places - stake.places) * stake.target
        stake.places = places
        if stake in self._tenants and self.free < 0:
            too_many = math.ceil(-self.free / places)
            self._retarget(stake, -min(stake.target, too_many))

    def claim(self, stake: Stake, claim: Claim) -> None:
        """Give an image free places, as many as it asks for. Asking for fewer takes none away."""
        stake.claim(claim)
        fit = max(0, self.free) // stake.places
        self._retarget(stake, min(fit, max(0, claim.target - stake.target)))

    def take(self, stake: Stake, claim: Claim, now_s: float, *, single_use: bool) -> Tenant | None:
        """The image was taken, or a client of ours has announced it; `claim` is what it asks for.

        `single_use`: the run has taken a warm container that serves this one run, so it will never
        be warm again. If another image needs its place more, that image gets the place, and its
        pool is returned.
        """
        stake.take(now_s)
        self.claim(stake, claim)
        if single_use and stake.target > stake.claimed:
            self._retarget(stake, -1)
        needy = self._most_in_need.least()
        if not single_use or needy is None or needy is stake or not stake.target:
            return None
        if needy.next_value() <= stake.last_value(is_firm=False):
            return None
        if needy.places > stake.places + max(0, self.free):
            return None
        self._retarget(stake, -1)
        self._retarget(needy, +1)
        return self._tenants[needy]

    def make_room(self, wanted: int) -> Iterator[Tenant]:
        """The pools that must evict a container, one after another.

        The iterator ends when `wanted` places are not taken, or no container is warm.
        """
        while self.room < wanted:
            stake = self._least_worth_keeping.least()
            if stake is None:
                return
            yield self._tenants[stake]

    def evicted(self, stake: Stake, heir: Stake | None, *, has_served: bool) -> None:
        """The image has discarded a warm container because `make_room` said so.

        If a reusable container displaces it, the image of that one is the `heir`, and gets the
        place. Otherwise the place is withheld: a container that was started there would be
        displaced by the next learner, so its start would be in vain. If the discarded container has
        served a run (`has_served`), its start was not in vain, and its place is free.
        """
        if self._warm_of.get(stake, 0) < stake.target:
            self._retarget(stake, -1)
            fits = heir is not None and heir.places <= max(stake.places, self.free)
            if heir is not None and fits and heir.target < heir.claimed:
                self._retarget(heir, +1)
            elif not has_served:
                self.withheld += stake.places

    def learner_waits(self) -> None:
        """A start has begun for a learner who waits; the start may take a withheld place."""
        self._needed = max(self._needed, self.withheld - max(0, self.room))

    def settle(self, claims: dict[Stake, Claim], now_s: float) -> None:
        """The upkeep: note the claims of all images, and set their targets anew.

        A free place goes to the image to which it is worth most. An image whose demand has fallen
        loses its places at once, as long as no other image lacks places. If one does, places
        move one by one, and slowly.
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
        while (winner := winners.least()) is not None and winner.places <= self.free:
            winner.target += 1
            self._granted += winner.places
            winners.drop(winner)
            if winner.target < targets[winner]:
                winners.put(winner, _negative(winner.next_value()))

    def _retarget(self, stake: Stake, change: int) -> None:
        stake.target += change
        self._granted += change * stake.places
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
