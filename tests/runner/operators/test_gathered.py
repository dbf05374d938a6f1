"""What happens within a moment is handed on together, in its order."""

from runner.operators.gathered import MOST, Gathered
from tests.runner.http.support import until


async def test_things_are_handed_on_a_moment_later() -> None:
    """Things are handed on together, in the order in which they came."""
    seen: list[int] = []
    gathered = Gathered(seen.append)
    gathered.put(1)
    gathered.put(2)
    assert seen == []

    await until(lambda: bool(seen))
    assert seen == [1, 2]


async def test_whoever_wants_to_see_all_has_not_to_wait() -> None:
    """A flush hands on what waits, once, and later things come as before."""
    seen: list[int] = []
    gathered = Gathered(seen.append)
    gathered.put(1)
    gathered.flush()
    gathered.flush()
    assert seen == [1]

    gathered.put(2)
    await until(lambda: len(seen) > 1)
    assert seen == [1, 2]


async def test_only_so_many_wait() -> None:
    """When as many events wait as may, they are handed on at once."""
    seen: list[int] = []
    gathered = Gathered(seen.append)
    for number in range(MOST):
        gathered.put(number)

    assert seen == list(range(MOST))


async def test_nothing_waits_once_it_is_closed() -> None:
    """What comes after the end is handed on at once, as no later moment may come."""
    seen: list[int] = []
    gathered = Gathered(seen.append)
    gathered.put(1)
    gathered.close()
    gathered.put(2)

    assert seen == [1, 2]
