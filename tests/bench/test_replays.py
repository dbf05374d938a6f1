"""More images than there is room for: few starts in vain, in any order of takes and notices."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.replays import ORDERS, REPLAYS, Replay, play
from tests.examples import examples

# Places move slowly with time, too, from images that are taken no more: not within this time.
SHORT_S = 30.0


@settings(max_examples=examples(40))
@given(st.data())
def test_starts_do_not_exceed_takes_and_the_limit(data: st.DataObject) -> None:
    """Takes and the limit bound the starts, in any order, with or without siblings' notices."""
    limit = data.draw(st.integers(0, 20), "limit")
    takes = data.draw(st.integers(1, 90), "takes")
    strange = data.draw(st.integers(0, 40), "strange notices")
    replay = Replay(
        order=data.draw(st.sampled_from(sorted(ORDERS)), "order"),
        images=data.draw(st.integers(1, 30), "images"),
        limit=limit,
        takes=takes,
        every_s=data.draw(st.floats(0, SHORT_S / (takes + strange)), "every_s"),
        at_once=data.draw(st.integers(1, max(1, min(4, limit))), "at_once"),
        notices=data.draw(st.integers(0, 2), "notices"),
        strange_notices=strange,
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


async def test_notices_of_a_stranger_take_nothing_from_an_image_with_takes() -> None:
    """Eighteen notices that name two images in turn cost no more starts than there are places.

    Nobody takes the two images, and the notices need no signature where no secret is set. What the
    image with takes of its own has warm stays, even if the notices ask for all the rest.
    """
    [replay] = (one for one in REPLAYS if one.strange_notices)
    quiet = await play(replace(replay, strange_notices=0))

    outcome = await play(replay)

    assert (replay.limit, replay.strange_notices) == (12, 18)
    assert outcome.warm == quiet.warm
    assert min(quiet.warm.values()) > 1
    assert outcome.starts <= outcome.takes + replay.limit
    assert outcome.in_vain == 0
