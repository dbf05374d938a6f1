"""One image's books: oldest first, first come first served, and nothing is lost."""

import pytest

from pool import Container, EngineError, State
from pool.host import Host
from pool.ledger import MOST_REASONS, OTHER_REASONS, Ledger
from pool.sharing import Stake
from tests.fakes import FakeStream

ERROR = EngineError("start", "no bash")


def a_container(name: str = "one") -> Container:
    """A warm container."""
    return Container(name, name, "image", FakeStream(), born_s=1.0, stale_s=9.0)


def a_ledger() -> Ledger:
    """The ledger of one image, on a host of its own."""
    return Ledger(Host(40), Stake("image"))


def test_take_gives_the_oldest() -> None:
    """The container that got warm first is leased first."""
    ledger, old, young = a_ledger(), a_container("old"), a_container("young")
    ledger.became_warm(old)
    ledger.became_warm(young)

    assert ledger.take() is old
    assert ledger.take() is young
    assert ledger.leased == {old, young}


def test_take_from_nothing_is_a_miss() -> None:
    """A take with nothing warm returns nothing, and the caller joins no queue."""
    ledger = a_ledger()

    assert ledger.take() is None
    assert not ledger.waiting


def test_a_taken_container_is_leased() -> None:
    """The books and the container agree."""
    ledger, container = a_ledger(), a_container()
    ledger.became_warm(container)

    ledger.take()

    assert container.state is State.LEASED
    assert not ledger.warm


async def test_what_gets_warm_goes_to_who_waited_longest() -> None:
    """The caller that has waited longest gets the next warm container."""
    ledger, one, two = a_ledger(), a_container("1"), a_container("2")
    first, second = ledger.wait(), ledger.wait()

    ledger.became_warm(one)
    ledger.became_warm(two)

    assert await first.container() is one
    assert await second.container() is two
    assert ledger.leased == {one, two}


async def test_one_who_went_away_is_passed_over() -> None:
    """A waiter that withdrew is not handed anything; the next in the queue is."""
    ledger, container = a_ledger(), a_container()
    gone, here = ledger.wait(), ledger.wait()
    assert gone.withdraw() is None

    ledger.became_warm(container)

    assert await here.container() is container


async def test_a_waiter_is_answered_once() -> None:
    """A waiter that has a container refuses a second one, and an error, too."""
    waiter = a_ledger().wait()

    assert waiter.offer(a_container())
    assert not waiter.offer(a_container())
    assert not waiter.fail(ERROR)


async def test_a_waiter_that_was_answered_hands_over_what_it_got() -> None:
    """A waiter that leaves after it was answered hands its container over to the
    code that withdraws it.
    """
    ledger, container = a_ledger(), a_container()
    waiter = ledger.wait()
    ledger.became_warm(container)

    assert waiter.withdraw() is container


async def test_a_waiter_that_was_failed_has_nothing_to_hand_over() -> None:
    """A waiter that leaves after it was told of an error holds no container."""
    waiter = a_ledger().wait()
    waiter.fail(ERROR)

    assert waiter.withdraw() is None


async def test_leaving_twice_is_harmless() -> None:
    """A waiter that was answered is in the queue no more, and may leave all the same."""
    ledger = a_ledger()
    waiter = ledger.wait()

    ledger.leave(waiter)
    ledger.leave(waiter)

    assert not ledger.waiting
    waiter.withdraw()


async def test_what_is_warm_again_goes_to_the_next_who_waits() -> None:
    """A container that was leased and not used goes to the next caller that waits."""
    ledger, container = a_ledger(), a_container()
    ledger.became_warm(container)
    ledger.take()
    waiter = ledger.wait()

    ledger.became_warm_again(container)

    assert await waiter.container() is container
    assert ledger.leased == {container}


def test_what_was_not_used_is_warm_again() -> None:
    """A container that was leased and not used is warm again for the next caller."""
    ledger, container = a_ledger(), a_container()
    ledger.became_warm(container)
    ledger.take()

    ledger.became_warm_again(container)

    assert list(ledger.warm) == [container]
    assert not ledger.leased
    assert container.state is State.WARM


async def test_a_failed_start_fails_those_whom_nothing_can_serve() -> None:
    """After a failed start as many callers go on waiting as starts are under way."""
    ledger, container = a_ledger(), a_container()
    first, second = ledger.wait(), ledger.wait()
    ledger.starting = 1

    ledger.fail_unserved(ERROR)
    ledger.became_warm(container)

    with pytest.raises(EngineError, match="no bash"):
        await first.container()
    assert await second.container() is container


@pytest.mark.parametrize(
    ("warm", "starting", "queued", "waiting", "missing"),
    [
        (0, 0, 0, 0, 3),
        (1, 0, 0, 0, 2),
        (1, 1, 1, 0, 0),
        (0, 2, 0, 2, 3),  # those on their way are for those who wait
        (0, 2, 0, 1, 2),
        (0, 0, 0, 2, 3),  # who waits for nothing takes no refill away
        (5, 0, 0, 0, 0),
        (0, 9, 0, 0, 0),
    ],
)
async def test_counts_what_is_missing(
    warm: int, starting: int, queued: int, waiting: int, missing: int
) -> None:
    """Containers that are warm or on their way count towards the target, less those
    that callers wait for.
    """
    ledger = a_ledger()
    for _ in range(warm):
        ledger.warm.append(a_container())
    for _ in range(waiting):
        ledger.wait()
    ledger.starting, ledger.queued = starting, queued

    assert ledger.missing(3) == missing


async def test_counts_who_waits_for_nothing() -> None:
    """A caller is unserved if no start is under way for it.

    Refills in the queue do not count, as they may never run.
    """
    ledger = a_ledger()
    ledger.wait()
    ledger.wait()
    ledger.starting, ledger.queued = 1, 5

    assert ledger.unserved() == 1


@pytest.mark.parametrize("leased", [False, True])
def test_a_discarded_container_leaves_the_books(leased: bool) -> None:
    """Warm or leased, it is gone for good."""
    ledger, container = a_ledger(), a_container()
    ledger.became_warm(container)
    if leased:
        ledger.take()

    ledger.discard(container, "single use")

    assert not ledger.warm
    assert not ledger.leased
    assert container.state is State.DISCARDED


def test_says_what_is_in_the_books() -> None:
    """The repr of a ledger tells an operator all counts."""
    ledger = a_ledger()
    ledger.became_warm(a_container())

    assert repr(ledger) == "<Ledger warm=1 starting=0 queued=0 leased=0 resetting=0 waiting=0>"


def test_reasons_of_discards_are_bounded() -> None:
    """Discards for ever new reasons are counted under one name, and known reasons go on."""
    ledger = a_ledger()
    for number in range(3 * MOST_REASONS):
        ledger.count_discard(f"reason {number}")
    ledger.count_discard("reason 0")

    discards = ledger.counts.discards
    assert len(discards) == MOST_REASONS + 1
    assert discards[OTHER_REASONS] == 2 * MOST_REASONS
    assert discards["reason 0"] == 2
