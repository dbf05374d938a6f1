"""How images share the host: a pure function."""

import math

from hypothesis import assume, given
from hypothesis import strategies as st

from pool.sharing import CURRENT_S, MEMORY_S, Claim, Stake, share

NOW_S = 10_000.0


def a_stake(
    *, claimed: int = 0, own: int = 0, held: int = 0, takes: int = 0, taken_ago_s: float = 0.0
) -> Stake:
    """An image that was taken so often, all of it that long ago."""
    stake = Stake("an image")
    for _ in range(takes):
        stake.take(NOW_S - taken_ago_s)
    stake.target = held
    stake.claim(Claim(claimed, NOW_S, own))
    stake.look_at_the_time(NOW_S)
    return stake


@st.composite
def stakes(draw: st.DrawFn, most: int = 8) -> list[Stake]:
    """Images with claims and takes of all kinds, and places that they hold already."""
    return [
        a_stake(
            claimed=draw(st.integers(0, 12)),
            own=draw(st.integers(0, 12)),
            held=draw(st.integers(0, 12)),
            takes=draw(st.integers(0, 5)),
            taken_ago_s=draw(st.sampled_from([0.0, 10.0, 100.0, 1000.0])),
        )
        for _ in range(draw(st.integers(0, most)))
    ]


limits = st.integers(-5, 60)


class TestPopularity:
    """How often an image was taken, of late."""

    def test_each_take_counts_less_the_longer_ago_it_was(self) -> None:
        """After the memory's time a take counts e times less."""
        old, new = Stake("old"), Stake("new")
        old.take(NOW_S)
        new.take(NOW_S + MEMORY_S)

        assert math.isclose(new.popularity - old.popularity, 1.0)

    def test_takes_add_up(self) -> None:
        """Two takes are twice as popular as one."""
        one, two = a_stake(takes=1), a_stake(takes=2)

        assert math.isclose(two.popularity - one.popularity, math.log(2))

    def test_of_an_image_that_was_never_taken(self) -> None:
        """An image that was never taken is less popular than any image that was."""
        assert Stake("never").popularity < a_stake(takes=1, taken_ago_s=1e6).popularity


@given(stakes(), limits)
def test_targets_fit_into_the_limit_and_no_room_is_wasted(images: list[Stake], limit: int) -> None:
    """No image gets more than it claims, and no place stays empty that any image claims."""
    targets = share(images, limit)

    assert targets.keys() == set(images)
    assert all(0 <= targets[image] <= image.claimed for image in images)
    claimed = sum(image.claimed for image in images)
    assert sum(targets.values()) == min(claimed, max(0, limit))


@given(stakes())
def test_where_there_is_room_each_gets_what_it_claims(images: list[Stake]) -> None:
    """A limit that is not in the way changes nothing."""
    claimed = {image: image.claimed for image in images}

    assert share(images, sum(claimed.values())) == claimed


@given(stakes(), limits)
def test_a_higher_limit_takes_nothing_from_anybody(images: list[Stake], limit: int) -> None:
    """A higher limit lowers the target of no image."""
    less, more = share(images, limit), share(images, limit + 1)

    assert all(less[image] <= more[image] for image in images)


@given(stakes(), limits, st.lists(st.integers(1, 3), min_size=8, max_size=8))
def test_targets_fit_where_containers_take_several_places(
    images: list[Stake], limit: int, places: list[int]
) -> None:
    """What stays empty is too small for a container, and a higher limit takes nothing from any."""
    for image, each in zip(images, places, strict=False):
        image.places = each

    targets, more = share(images, limit), share(images, limit + 1)

    given_places = sum(image.places * targets[image] for image in images)
    lacking = [image.places for image in images if targets[image] < image.claimed]
    assert given_places <= max(0, limit)
    assert not lacking or limit - given_places < max(lacking)
    assert all(targets[image] <= more[image] for image in images)


@given(stakes(), limits)
def test_own_demand_comes_before_hearsay(images: list[Stake], limit: int) -> None:
    """No image has a place by hearsay while another image lacks one for takes of its own."""
    targets = share(images, limit)

    by_hearsay = any(targets[image] > image.own for image in images)
    lacking = any(targets[image] < image.own for image in images)
    assert not (by_hearsay and lacking)


@given(stakes(), limits)
def test_who_is_taken_does_not_starve(images: list[Stake], limit: int) -> None:
    """Each current image gets a place if none holds more than one and there are enough places."""
    for image in images:
        image.target = min(image.target, 1)
    current = [image for image in images if image.is_current and image.own]
    assume(limit >= len(current))

    targets = share(images, limit)

    assert all(targets[image] >= 1 for image in current)


@given(stakes(), limits)
def test_sharing_again_changes_nothing(images: list[Stake], limit: int) -> None:
    """Sharing the same places again changes nothing, so no place goes to and fro."""
    targets = share(images, limit)
    for image in images:
        image.target = targets[image]

    assert share(images, limit) == targets


@given(stakes(), limits, st.integers(0, 7))
def test_one_more_take_changes_few_targets(images: list[Stake], limit: int, number: int) -> None:
    """The image that is taken gains one place at most, and one other image at most loses it."""
    assume(images)
    targets = share(images, limit)
    for image in images:
        image.target = targets[image]
    taken = images[number % len(images)]
    was_current = taken.is_current

    taken.take(NOW_S)
    after = share(images, limit)

    changed = {image: after[image] - targets[image] for image in images}
    assert changed[taken] >= 0
    assert all(change <= 0 for image, change in changed.items() if image is not taken)
    # A take that makes it current again may give it back what less popular images hold.
    if was_current:
        assert changed[taken] <= 1


def test_a_current_image_keeps_what_it_has_against_a_more_popular_one() -> None:
    """Where both are taken, the one that came later waits until a place is free."""
    holder = a_stake(claimed=4, own=4, held=4, takes=1)
    newcomer = a_stake(claimed=4, own=4, takes=9)

    assert share([holder, newcomer], 4) == {holder: 4, newcomer: 0}


def test_an_image_that_is_taken_no_more_yields_to_one_that_is() -> None:
    """The newcomer's first place comes first, then places go by popularity."""
    idle = a_stake(claimed=4, own=4, held=4, takes=1, taken_ago_s=CURRENT_S)
    newcomer = a_stake(claimed=4, own=4, takes=9)

    assert share([idle, newcomer], 4) == {idle: 0, newcomer: 4}


def test_images_that_are_alike_get_alike() -> None:
    """With nothing held, equal claims and equal popularity, targets differ by one at most."""
    images = [a_stake(claimed=6, own=6, takes=2) for _ in range(4)]

    assert sorted(share(images, 10).values()) == [2, 2, 3, 3]


def test_what_an_image_holds_beyond_its_claim_counts_for_nothing() -> None:
    """An image whose demand has fallen gets no more than it asks for now."""
    assert share([image := a_stake(claimed=2, own=2, held=5, takes=1)], 9) == {image: 2}
