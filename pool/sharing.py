"""Shares the host's room among the images: a pure function, and the values that it compares."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

# An image that was taken within this time is current. The host takes no place from it in order to
# start a container of another image in advance.
CURRENT_S = 60.0
# Popularity remembers takes for about so long. A learner thinks a minute or two between presses.
MEMORY_S = 300.0
# A place changes hands only if the other image is this much more popular, because popularity is an
# estimate that wavers.
MARGIN = math.log(1.5)


@dataclass(frozen=True)
class Claim:
    """The containers that one image asks of the host.

    `target` is how many containers it would keep, and `wanted_s` when it was wanted last. `own` of
    these are for takes here; the others are only for what siblings told (hearsay). None: all are
    for takes here.
    """

    target: int
    wanted_s: float
    own: int | None = None


class Rank(IntEnum):
    """The rank of a place in the order in which places are given.

    An image gets a place of a higher rank before any image gets one of a lower rank.
    """

    HEARD = 0  # wanted because of hearsay only
    HEARD_HELD = 1  # the same, but the image holds the place already
    OWN = 2  # wanted for takes of the image's own; the more popular image comes first
    FIRST = 3  # the first place of a current image
    FIRM = 4  # a place that a current image holds
    FIRM_FIRST = 5  # the first of those


Value = tuple[Rank, float]


@dataclass(eq=False)
class Stake:
    """One image's part in the host's books: what it claims, and the `target` that it was given.

    `places` is how many of the host's places each of its containers takes; a target, and a claim,
    count containers. `containers` is how many it has, in whatever state.

    `popularity` is the logarithm of a count of the image's own takes, in which a take weighs less
    the longer ago it was. All popularities are stated as of time 0. So they do not change as time
    passes, two images can be compared at any time, and a ranking of them stays right.
    """

    image: str
    target: int = 0
    places: int = 1
    containers: int = 0
    claimed: int = 0
    own: int = 0
    wanted_s: float = -math.inf  # when anybody wanted it last, hearsay included
    taken_s: float = -math.inf  # when it was last taken here, or announced by a client of ours
    is_current: bool = False
    popularity: float = field(default=-math.inf)

    def take(self, now_s: float) -> None:
        """The image was taken here, or a client of ours has announced it."""
        self.popularity = _log_of_sum(self.popularity, now_s / MEMORY_S)
        self.taken_s = now_s
        self.is_current = True

    def claim(self, claim: Claim) -> None:
        """Remember what the image asks for."""
        self.claimed = claim.target
        self.own = claim.target if claim.own is None else min(claim.own, claim.target)
        self.wanted_s = claim.wanted_s

    def look_at_the_time(self, now_s: float) -> None:
        """An image that has not been taken for a while is not current any more."""
        self.is_current = now_s - self.taken_s < CURRENT_S

    def value(self, place: int, *, is_held: bool, is_firm: bool) -> Value:
        """The worth of one place to the image; its first place has the number 1.

        `is_firm`: whether the places that a current image holds are out of reach for others.
        """
        if place > self.own:
            return (Rank.HEARD_HELD if is_held else Rank.HEARD), self.wanted_s
        worth = self.popularity - math.log(place)
        if is_held and is_firm and self.is_current:
            return (Rank.FIRM_FIRST if place == 1 else Rank.FIRM), worth
        rank = Rank.FIRST if place == 1 and self.is_current else Rank.OWN
        return rank, worth + (MARGIN if is_held else 0.0)

    def last_value(self, *, is_firm: bool = True) -> Value:
        """The worth of the last place that the image holds. It must hold one."""
        return self.value(self.target, is_held=True, is_firm=is_firm)

    def next_value(self) -> Value:
        """The worth that one more place would have for the image."""
        return self.value(self.target + 1, is_held=False, is_firm=True)


def share(stakes: Iterable[Stake], limit: int) -> dict[Stake, int]:
    """Targets for all images, in containers, whose places fit into the limit together.

    The places are given in this order: first those that current images hold already; then a first
    place for each other current image; then places for takes of images' own, by popularity; at last
    places for hearsay. The order does not depend on the limit, and the sharing stops at the first
    container that does not fit, even if a smaller one that comes later would fit. So a higher limit
    takes nothing from any image.
    """
    everybody = list(stakes)
    targets = {stake: stake.claimed for stake in everybody}
    if sum(stake.places * target for stake, target in targets.items()) <= limit:
        return targets
    order = [
        (stake.value(place, is_held=place <= stake.target, is_firm=True), place, stake)
        for stake in everybody
        for place in range(1, stake.claimed + 1)
    ]
    # Of places of equal worth the one with the lower number comes first, so that an image gets its
    # first place before its second.
    order.sort(key=lambda one: (-one[0][0], -one[0][1], one[1]))
    targets = dict.fromkeys(everybody, 0)
    for _, _, stake in order:
        limit -= stake.places
        if limit < 0:
            break
        targets[stake] += 1
    return targets


def _log_of_sum(one: float, other: float) -> float:
    """log(exp(one) + exp(other)), for numbers whose exp would be too large."""
    more, less = max(one, other), min(one, other)
    return more + math.log1p(math.exp(less - more))
