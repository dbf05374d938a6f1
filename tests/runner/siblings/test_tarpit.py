"""Refusals that wait, by a clock of the test's, and as long as they say."""

import asyncio
import math

import pytest

from runner.siblings.tarpit import (
    BURST,
    LONGEST_S,
    MOST_ADDRESSES,
    MOST_HELD,
    REFUSALS_PER_S,
    Tarpit,
)

HERE, THERE = "10.0.0.1", "10.0.0.2"
NOW_S = 1000.0


def refuse(tarpit: Tarpit, count: int, address: str = HERE, now_s: float = NOW_S) -> list[float]:
    """How long each of so many refusals waits."""
    return [tarpit.refused(address, now_s) for _ in range(count)]


def test_the_first_are_answered_at_once() -> None:
    """The first refusals of an address do not wait."""
    assert refuse(Tarpit(), BURST) == pytest.approx([0.0] * BURST, abs=1e-6)


def test_then_they_leave_one_by_one() -> None:
    """Further refusals leave at REFUSALS_PER_S, in the order in which they came."""
    tarpit = Tarpit()
    refuse(tarpit, BURST)

    assert refuse(tarpit, 3) == pytest.approx([n / REFUSALS_PER_S for n in (1, 2, 3)])


def test_an_address_has_so_many_places() -> None:
    """No answer waits for longer than LONGEST_S, and an address without a place is told so."""
    tarpit = Tarpit()
    refuse(tarpit, BURST)
    places = round(REFUSALS_PER_S * LONGEST_S)
    waits = refuse(tarpit, places + 5)

    assert max(waits[: places - 1]) <= LONGEST_S
    assert waits[-4:] == [math.inf] * 4


def test_neighbours_are_not_kept() -> None:
    """The refusals of one address cost another address nothing."""
    tarpit = Tarpit()
    refuse(tarpit, 2 * BURST)

    assert refuse(tarpit, 3, THERE) == [0.0] * 3


def test_it_is_forgiven() -> None:
    """After a while of silence an address is treated as a new one."""
    tarpit = Tarpit()
    refuse(tarpit, 2 * BURST)
    later_s = NOW_S + LONGEST_S + BURST / REFUSALS_PER_S + 1

    assert refuse(tarpit, BURST, now_s=later_s) == pytest.approx([0.0] * BURST, abs=1e-6)


def test_looking_takes_no_place() -> None:
    """The gate only asks, and takes no place by it."""
    tarpit = Tarpit()
    refuse(tarpit, BURST)

    assert len({tarpit.wait_s(HERE, NOW_S) for _ in range(10)}) == 1


async def test_addresses_and_places_are_bounded() -> None:
    """However many there are, the tarpit remembers a bounded number of them."""
    tarpit = Tarpit()
    for number in range(2 * MOST_ADDRESSES):
        tarpit.refused(str(number), NOW_S)
    assert len(tarpit._next_s) == MOST_ADDRESSES

    holding = []
    for address in range(4):
        now_s = asyncio.get_running_loop().time()
        refuse(tarpit, BURST, str(address), now_s)
        holding += [asyncio.create_task(tarpit.hold(str(address))) for _ in range(MOST_HELD // 2)]
    await asyncio.sleep(0)
    assert 0 < tarpit.held <= MOST_HELD
    tarpit.close()
    await asyncio.gather(*holding)


async def test_who_goes_away_leaves_its_place() -> None:
    """A cancelled refusal leaves its place like one that was answered."""
    tarpit = Tarpit()
    refuse(tarpit, BURST + 50, now_s=asyncio.get_running_loop().time())
    holding = asyncio.create_task(tarpit.hold(HERE))
    await asyncio.sleep(0)
    assert tarpit.held == 1

    holding.cancel()
    await asyncio.gather(holding, return_exceptions=True)

    assert tarpit.held == 0


async def test_close_lets_all_go() -> None:
    """Closing answers all that is held at once, and nothing is held after that."""
    tarpit = Tarpit()
    refuse(tarpit, BURST + 200, now_s=asyncio.get_running_loop().time())
    holding = asyncio.create_task(tarpit.hold(HERE))
    await asyncio.sleep(0)

    tarpit.close()

    assert await holding
    assert await tarpit.hold(HERE)
