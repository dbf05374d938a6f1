"""A ranking gives the same as sorting all of its items each time would."""

from hypothesis import given
from hypothesis import strategies as st

from pool.ranking import Ranking

ITEMS = st.sampled_from("abcdef")


def test_nothing_has_no_least() -> None:
    """An empty ranking has no item to give."""
    assert Ranking[str]().least() is None


def test_of_equals_the_first_comes_first() -> None:
    """Items of equal value keep the order in which they were put."""
    ranking = Ranking[str]()
    ranking.put("b", (1,))
    ranking.put("a", (1,))

    assert ranking.least() == "b"


@given(st.lists(st.tuples(ITEMS, st.none() | st.integers(0, 9)), max_size=400))
def test_the_least_is_the_least_after_any_changes(changes: list[tuple[str, int | None]]) -> None:
    """Items that are put, put again with another value, and dropped."""
    ranking, values = Ranking[str](), dict[str, int]()
    for item, value in changes:
        if value is None:
            ranking.drop(item)
            values.pop(item, None)
        else:
            ranking.put(item, (value,))
            values[item] = value

        least = ranking.least()
        assert (least is None) == (not values)
        assert least is None or values[least] == min(values.values())
        assert len(ranking) == len(values)


def test_outdated_entries_do_not_pile_up() -> None:
    """An item whose value changes for ever takes no more memory than one whose value stays."""
    ranking = Ranking[str]()
    for value in range(10_000):
        ranking.put("a", (-value,))

    assert len(ranking._entries) < 200
    assert ranking.least() == "a"
