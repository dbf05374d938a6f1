"""More images than there is room for: few starts in vain, in any order of takes and notices."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replays import ORDERS, Replay, play
from tests.examples import examples

# Places move slowly with time, too, from images that are taken no more: not within this time.
SHORT_S = 30.0


@settings(max_examples=examples(40))
@given(st.data())
def test_starts_do_not_exceed_takes_and_the_limit(data: st.DataObject) -> None:
    """Takes and the limit bound the starts, in any order, with or without siblings' notices."""
    limit = data.draw(st.integers(0, 20), "limit")
    takes = data.draw(st.integers(1, 90), "takes")
    replay = Replay(
        order=data.draw(st.sampled_from(sorted(ORDERS)), "order"),
        images=data.draw(st.integers(1, 30), "images"),
        limit=limit,
        takes=takes,
        every_s=data.draw(st.floats(0, SHORT_S / takes), "every_s"),
        at_once=data.draw(st.integers(1, max(1, min(4, limit))), "at_once"),
        notices=data.draw(st.integers(0, 2), "notices"),
        reusable=data.draw(st.booleans(), "reusable"),
        seed=data.draw(st.integers(0, 1000), "seed"),
    )

    outcome = asyncio.run(play(replay))

    assert outcome.starts <= outcome.takes + limit


@pytest.mark.parametrize("reusable", [False, True])
async def test_two_images_in_turn_hit_nearly_always(reusable: bool) -> None:
    """Two images that fit into the limit together hit nearly always when they are taken in turn."""
    outcome = await play(Replay("in turn", images=2, limit=6, takes=32, reusable=reusable))

    assert outcome.hits == 30


async def test_the_popular_images_hit_in_spite_of_many_others() -> None:
    """Six places for seventeen images serve more than half of the takes."""
    outcome = await play(Replay("zipf", images=17, limit=6, takes=170))

    assert outcome.hits > outcome.takes / 2
