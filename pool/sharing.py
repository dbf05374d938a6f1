"""How images share what the host has room for: a pure function, and the values it goes by."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

# An image that was taken within this time keeps what it has against all other images.
CURRENT_S = 60.0
MEMORY_S = 300.0  # of popularity: a learner thinks for a minute or two between presses
# A container changes hands only for an image that is this much more popular: estimates waver.
MARGIN = math.log(1.5)


@dataclass(frozen=True)
class Claim:
    """The containers that one image asks of the host.

    `target` is how many containers it would keep; `wanted_s` is when it was wanted last. `own` of
    the target are for takes of its own, the rest only by hearsay from siblings; None: all are.
    """

    target: int
    wanted_s: float
    own: int | None = None


class Rank(IntEnum):
    """The use of a place; a higher rank always comes before a lower one."""

    HEARD = 0  # by hearsay only
    HEARD_HELD = 1
    OWN = 2  # by how popular the image is
    FIRST = 3  # the first place of an image that is taken currently
    FIRM = 4  # held by an image that is taken currently
    FIRM_FIRST = 5


Value = tuple[Rank, float]


@dataclass(eq=False)
class Stake:
    """One image's part in the host's books: what it claims, and the `target` that it was given.

    `popularity` is the logarithm of a count of the image's own takes in which each weighs less the
    longer ago it was. It is kept in a form that does not change with time: what it would be at time
    0, so that two images can be compared at any time and a ranking of them stays right.
    """

    image: str
    target: int = 0
    claimed: int = 0
    own: int = 0
    heard_s: float = -math.inf  # when anybody wanted it last, hearsay included
    taken_s: float = -math.inf  # when it was wanted last by takes of its own
    is_current: bool = False
    popularity: float = field(default=-math.inf)

    def take(self, now_s: float) -> None:
        """It was taken here, or announced by a client of ours."""
        self.popularity = _log_of_sum(self.popularity, now_s / MEMORY_S)
        self.taken_s = now_s
        self.is_current = True

    def claim(self, claim: Claim) -> None:
        """Remember what it asks for."""
        self.claimed = claim.target
        self.own = claim.target if claim.own is None else min(claim.own, claim.target)
        self.heard_s = claim.wanted_s

    def look_at_the_time(self, now_s: float) -> None:
        """An image that has not been taken for a while is not current any more."""
        self.is_current = now_s - self.taken_s < CURRENT_S

    def value(self, place: int, *, is_held: bool, is_firm: bool) -> Value:
        """The worth of the image's place of that number, where the first one is 1.

        `is_firm`: whether what is held by a current image is out of reach for others.
        """
        if place > self.own:
            return (Rank.HEARD_HELD if is_held else Rank.HEARD), self.heard_s
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
    """Targets for all images that fit into the limit together.

    Places are given in one order, whatever the limit is, so a higher limit takes nothing from
    anybody: first those that current images hold already, then a first place for each other current
    image, then what images want for takes of their own, by popularity; hearsay gets what is left.
    """
    everybody = list(stakes)
    targets = {stake: stake.claimed for stake in everybody}
    if sum(targets.values()) <= limit:
        return targets
    places = [
        (stake.value(place, is_held=place <= stake.target, is_firm=True), place, stake)
        for stake in everybody
        for place in range(1, stake.claimed + 1)
    ]
    # Of equal places those with lower numbers come first, or an image would get its last before.
    places.sort(key=lambda one: (-one[0][0], -one[0][1], one[1]))
    targets = dict.fromkeys(everybody, 0)
    for _, _, stake in places[: max(0, limit)]:
        targets[stake] += 1
    return targets


def _log_of_sum(one: float, other: float) -> float:
    """log(exp(one) + exp(other)), for numbers whose exp would be too large."""
    more, less = max(one, other), min(one, other)
    return more + math.log1p(math.exp(less - more))
