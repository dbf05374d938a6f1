"""Sizing: pure functions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pool.sizing import UNKNOWN_FILL_S, Claim, Sizes, Target, p95, share, wanted

SIZES = Sizes(minimum=1, maximum=10, spare=2, keep_s=600, cool_down_s=30)


def test_p95_of_nothing_is_a_guess() -> None:
    """Before the first start a target is needed, too."""
    assert p95([]) == UNKNOWN_FILL_S


def test_p95_leaves_one_in_twenty_above() -> None:
    """Of 20 times it is the second longest."""
    assert p95([float(number) for number in range(1, 21)]) == 19.0


@pytest.mark.parametrize(
    ("rate", "fill_s", "expected"),
    [(0.0, 1.0, 2), (0.1, 1.0, 3), (2.0, 0.5, 3), (2.0, 1.6, 6), (100.0, 1.0, 10)],
)
def test_wanted_is_what_is_taken_during_a_start_and_some_to_spare(
    rate: float, fill_s: float, expected: int
) -> None:
    """ceil(rate x time to warm) + spare, at most the maximum."""
    assert wanted(rate, fill_s, wanted_ago_s=1.0, sizes=SIZES) == expected


@pytest.mark.parametrize("ago_s", [601.0, math.inf])
def test_what_nobody_wants_any_more_keeps_the_minimum(ago_s: float) -> None:
    """Spare ones are for images in use."""
    assert wanted(0.001, 1.0, ago_s, SIZES) == SIZES.minimum


def test_a_target_rises_at_once_and_falls_after_the_cool_down() -> None:
    """A lull between two presses costs no warm container."""
    target = Target()

    seen = [
        target.follow(wanted_now, now_s, cool_down_s=30)
        for now_s, wanted_now in [(0, 3), (1, 5), (2, 2), (30, 2), (31, 2), (32, 4)]
    ]

    assert seen == [3, 5, 5, 5, 2, 4]


def test_who_was_wanted_least_recently_gives_way_first() -> None:
    """The host's limit is shared by recency."""
    claims = {"old": Claim(4, wanted_s=1), "new": Claim(4, wanted_s=3), "mid": Claim(4, wanted_s=2)}

    assert share(claims, limit=6) == {"new": 4, "mid": 2, "old": 0}


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.builds(Claim, st.integers(0, 50), st.floats(0, 1e6)),
    ),
    st.integers(-5, 100),
)
def test_shares_never_pass_the_limit_nor_a_claim(claims: dict[str, Claim], limit: int) -> None:
    """Nor does any go unused that somebody claims."""
    granted = share(claims, limit)

    assert granted.keys() == claims.keys()
    assert all(0 <= granted[image] <= claims[image].target for image in claims)
    asked = sum(claim.target for claim in claims.values())
    assert sum(granted.values()) == min(asked, max(limit, 0))
