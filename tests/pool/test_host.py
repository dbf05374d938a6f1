"""The host's books: room, places, and which image gives way."""

from itertools import pairwise

import pytest

from pool.host import ALL_MOVED_S, WITHHELD_S, Host
from pool.sharing import CURRENT_S, Claim, Stake


class Tenant:
    """An image's pool, as the host sees it; its containers are mere numbers."""

    def __init__(self, host: Host, *, reusable: bool = False, runs_served: int = 0) -> None:
        self.stake = Stake("an image")
        self.reusable = reusable
        self.runs_served = runs_served
        self.warm = 0
        self._host = host
        host.add(self)

    def take(self, wants: int, now_s: float = 0.0, *, single_use: bool = False) -> None:
        """Somebody took it; it fills its places at once."""
        self._host.take(self.stake, Claim(wants, now_s), now_s, single_use=single_use)
        self.fill()

    def hear(self, wants: int, now_s: float = 0.0) -> None:
        """A sibling's notice."""
        self._host.claim(self.stake, Claim(wants, now_s, own=0))
        self.fill()

    def fill(self) -> None:
        """Take as many containers as the target asks for and the host has room for."""
        more = min(self.stake.target - self.warm, self._host.room // self.stake.places)
        self.warm += more
        self._host.moved(self.stake, warm=more)

    def use_one(self) -> None:
        """A warm container is leased."""
        self.warm -= 1
        self._host.moved(self.stake, warm=-1, in_use=+1)

    def evict_one(self, heir: Stake | None) -> None:
        """Discard a warm container for another image."""
        self.warm -= 1
        self._host.moved(self.stake, warm=-1)
        self._host.evicted(self.stake, heir, has_served=self.runs_served > 0)

    def refill_soon(self) -> None:
        """Note that the pool was asked to refill."""

    def start_for_a_learner(self) -> None:
        """A learner's miss, for whom a container is started."""
        for tenant in self._host.make_room(self.stake.places):
            tenant.evict_one(self.stake if self.reusable else None)
        self._host.moved(self.stake, starting=+1)
        self._host.learner_waits()


@pytest.fixture
def host() -> Host:
    """A host with room for six containers."""
    return Host(6)


def test_what_is_warm_starting_or_in_use_takes_room(host: Host) -> None:
    """Containers that are warm, starting or in use take room of the host."""
    tenant = Tenant(host)

    host.moved(tenant.stake, warm=2, starting=1, in_use=1)

    assert (host.room, host.warm, host.starting, host.in_use) == (2, 2, 1, 1)


def test_an_image_gets_what_is_free_and_no_more(host: Host) -> None:
    """An image that comes later gets free places, and takes none from an image that is there."""
    first, second = Tenant(host), Tenant(host)

    first.take(4)
    second.take(4)

    assert (first.stake.target, second.stake.target, host.free) == (4, 2, 0)


def test_a_learner_displaces_what_is_worth_least(host: Host) -> None:
    """Hearsay first, then the last place of the image that has most for how often it is taken."""
    heard, popular, rare = Tenant(host), Tenant(host), Tenant(host)
    for _ in range(9):
        popular.take(2)
    rare.take(3)
    heard.hear(1)
    learner = Tenant(host)

    learner.start_for_a_learner()
    learner.start_for_a_learner()

    assert (heard.warm, rare.warm, popular.warm) == (0, 2, 2)


def test_the_place_of_what_was_displaced_is_withheld(host: Host) -> None:
    """No start is spent on a container that the next miss would displace again: its
    place is withheld.
    """
    tenant, learner = Tenant(host), Tenant(host)
    tenant.take(6)

    learner.start_for_a_learner()

    assert (tenant.stake.target, host.withheld, host.free) == (5, 1, 0)


def test_the_place_of_what_had_served_goes_to_others(host: Host) -> None:
    """A container that has served a run was not started in vain."""
    tenant, learner = Tenant(host, reusable=True, runs_served=1), Tenant(host)
    tenant.take(6)

    learner.start_for_a_learner()

    assert (tenant.stake.target, host.withheld, host.free) == (5, 0, 1)


def test_a_reusable_container_inherits_the_place_that_was_made_for_it(host: Host) -> None:
    """A reusable container keeps the place that was made for a learner, as it serves
    further runs.
    """
    tenant, learner = Tenant(host), Tenant(host, reusable=True)
    tenant.take(6)
    learner.take(2)

    learner.start_for_a_learner()

    assert (tenant.stake.target, learner.stake.target, host.withheld) == (5, 1, 0)


def test_withheld_places_are_given_back_when_no_miss_needs_them(host: Host) -> None:
    """Withheld places are free again after a while without a miss in a full host."""
    tenant, learner = Tenant(host), Tenant(host)
    tenant.take(6)
    host.settle({tenant.stake: Claim(6, 0.0), learner.stake: Claim(0, 0.0)}, 0.0)
    learner.start_for_a_learner()
    host.moved(learner.stake, starting=-1)
    claims = {tenant.stake: Claim(6, 0.0), learner.stake: Claim(0, 0.0)}

    host.settle(claims, WITHHELD_S)  # the miss was within this time
    assert host.withheld == 1
    host.settle(claims, 2 * WITHHELD_S)

    assert (host.withheld, tenant.stake.target) == (0, 6)


def test_the_place_of_a_single_use_goes_to_the_image_that_needs_it_more(host: Host) -> None:
    """An image with many places passes one on to an image that has none, at no cost."""
    rich, poor = Tenant(host), Tenant(host)
    rich.take(6)
    poor.take(2)
    rich.use_one()

    rich.take(6, single_use=True)

    assert (rich.stake.target, poor.stake.target) == (5, 1)


def test_a_place_is_not_passed_on_to_an_image_that_is_alike(host: Host) -> None:
    """Images that are taken alike do not trade places to and fro."""
    one, other = Tenant(host), Tenant(host)
    one.take(3)
    other.take(4)
    one.use_one()

    one.take(3, single_use=True)

    assert (one.stake.target, other.stake.target) == (3, 3)


def test_an_image_that_is_taken_no_more_loses_its_places_slowly(host: Host) -> None:
    """An image that is taken no more loses all its places within some minutes, one
    after the other.
    """
    idle, wanted = Tenant(host), Tenant(host)
    idle.take(6)
    for _ in range(20):
        wanted.take(6, CURRENT_S)
    claims = {idle.stake: Claim(6, 0.0), wanted.stake: Claim(6, CURRENT_S)}

    targets = []
    for second in range(int(CURRENT_S), int(CURRENT_S + ALL_MOVED_S) + 1, 5):
        wanted.take(6, second)
        host.settle(claims, second)
        targets.append(wanted.stake.target)

    assert targets[0] == 0
    assert targets[-1] == 6
    assert all(later - sooner in {0, 1} for sooner, later in pairwise(targets))


def test_demand_that_falls_frees_its_places_at_once_where_nobody_lacks_any(host: Host) -> None:
    """The host takes all places that the image does not ask for any more, and they are free."""
    tenant = Tenant(host)
    tenant.take(5)

    host.settle({tenant.stake: Claim(2, 0.0)}, 0.0)

    assert (tenant.stake.target, host.free) == (2, 4)


def test_an_image_that_is_removed_leaves_its_places_to_others(host: Host) -> None:
    """A removed image leaves its places to others.

    Its containers in use count until they end; twice is harmless.
    """
    tenant = Tenant(host)
    tenant.take(5)
    tenant.use_one()

    host.remove(tenant.stake)
    host.remove(tenant.stake)

    assert (host.free, host.in_use) == (6, 1)
    host.moved(tenant.stake, in_use=-1)
    assert host.in_use == 0


@pytest.fixture
def small() -> Host:
    """A host with six places of 10 bytes."""
    return Host(6, place_bytes=10)


def test_a_container_that_takes_more_memory_takes_more_places(small: Host) -> None:
    """An image's containers take more places once it is known that they take more memory.

    That holds for those started before, too; the target falls until it fits.
    """
    tenant = Tenant(small)
    tenant.take(6)

    small.weigh(tenant.stake, 21)

    assert (tenant.stake.places, tenant.stake.target) == (3, 2)
    assert (small.room, small.free) == (6 - 3 * 6, 0)


def test_the_most_that_a_container_has_taken_counts(small: Host) -> None:
    """The most memory that a container of an image has taken counts, so that its
    places do not waver.
    """
    tenant = Tenant(small)

    small.weigh(tenant.stake, 21)
    small.weigh(tenant.stake, 5)
    small.weigh(tenant.stake, 0)

    assert tenant.stake.places == 3


def test_one_container_fits_whatever_it_takes(small: Host) -> None:
    """An image may have one container however much memory it takes, or it would never be warm."""
    tenant = Tenant(small)

    small.weigh(tenant.stake, 1_000_000)
    tenant.take(2)

    assert (tenant.stake.places, tenant.stake.target, tenant.warm) == (6, 1, 1)


def test_a_container_of_usual_memory_takes_one_place(host: Host) -> None:
    """On a host whose memory is not known every container takes one place."""
    tenant = Tenant(host)

    host.weigh(tenant.stake, 1_000_000)

    assert tenant.stake.places == 1


def test_a_learner_of_a_large_container_displaces_several_small_ones(small: Host) -> None:
    """A large container displaces as many small ones as take its places, which are
    withheld together.
    """
    tenant, learner = Tenant(small), Tenant(small)
    small.weigh(learner.stake, 25)
    tenant.take(6)

    learner.start_for_a_learner()

    assert (tenant.warm, small.room, small.withheld) == (3, 0, 3)


def test_the_place_of_a_single_use_is_too_small_for_larger_containers(
    small: Host,
) -> None:
    """The place of a container that a run took stays with its image if another image's containers
    take more places.
    """
    rich, poor = Tenant(small), Tenant(small)
    small.weigh(poor.stake, 20)
    rich.take(6)
    poor.take(1)
    rich.use_one()

    rich.take(6, single_use=True)

    assert (rich.stake.target, poor.stake.target) == (6, 0)


def test_an_image_with_larger_containers_gets_its_places_from_the_upkeep(small: Host) -> None:
    """The upkeep moves places one by one, until an image has as many as one of its
    containers takes.
    """
    idle, wanted = Tenant(small), Tenant(small)
    small.weigh(wanted.stake, 20)
    idle.take(6)
    claims = {idle.stake: Claim(6, 0.0), wanted.stake: Claim(1, CURRENT_S)}

    for second in range(int(CURRENT_S), int(CURRENT_S + ALL_MOVED_S) + 1, 5):
        wanted.take(1, second)
        small.settle(claims, second)

    assert (idle.stake.target, wanted.stake.target) == (4, 1)


def test_an_image_that_is_removed_leaves_all_places_of_its_containers(small: Host) -> None:
    """A removed image's container in use counts with all its places until it ends."""
    tenant = Tenant(small)
    small.weigh(tenant.stake, 20)
    tenant.take(3)
    tenant.use_one()

    small.remove(tenant.stake)
    small.moved(tenant.stake, warm=-2, in_use=-1)

    assert (small.free, small.room) == (6, 6)
