"""Which notices count: pure."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.siblings.book import (
    BURST,
    LONGEST_TRAVEL_S,
    MOST_SENDERS,
    MOST_SEQUENCES,
    NOTICES_PER_S,
    NoticeBook,
    Verdict,
)
from runner.siblings.notice import RefillNotice

NOW_UNIX_S = 1_800_000_000.0


def notice(**changes: object) -> RefillNotice:
    """A notice of a sibling."""
    fields = {
        "replica": "sibling",
        "image": "some/image:1",
        "takes": 1,
        "told": 1,
        "take_rate": 0.1,
        "fill_rate": 0.1,
        "warm": 2,
        "target": 3,
        "sequence": 1,
        "sent_at": NOW_UNIX_S,
        **changes,
    }
    return RefillNotice.model_validate(fields)


@dataclass
class Replica:
    """A replica that judges notices, at a time that the test moves."""

    book: NoticeBook = field(default_factory=lambda: NoticeBook("me"))
    now_s: float = 100.0

    def judge(self, sender: str = "10.0.0.1", **changes: Any) -> Verdict:
        """What the book says of a good notice with these changes."""
        return self.book.judge(notice(**changes), sender, self.now_s, NOW_UNIX_S)


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.COUNTED),
        ({"replica": "me"}, Verdict.OWN),
        ({"sent_at": NOW_UNIX_S - LONGEST_TRAVEL_S - 1}, Verdict.STALE),
        ({"sent_at": NOW_UNIX_S + LONGEST_TRAVEL_S + 1}, Verdict.FUTURE),
        ({"sent_at": NOW_UNIX_S - LONGEST_TRAVEL_S + 1}, Verdict.COUNTED),
    ],
)
def test_verdict(changes: dict[str, Any], verdict: Verdict) -> None:
    """A replica's own notice, an old one and one of the future do not count."""
    assert Replica().judge(**changes) is verdict


def test_a_repeated_one_does_not_count() -> None:
    """A repeated or overtaken notice does not count; one of another image or sender does."""
    replica = Replica()

    verdicts = [
        replica.judge(sequence=5),
        replica.judge(sequence=5),
        replica.judge(sequence=4),
        replica.judge(sequence=4, image="other/image"),
        replica.judge(sequence=4, replica="another"),
        replica.judge(sequence=6),
    ]

    assert verdicts == ["counted", "repeated", "repeated", "counted", "counted", "counted"]


def test_a_sender_has_an_allowance_that_grows_again() -> None:
    """A flood from one sender costs the others nothing."""
    replica = Replica()

    flood = [replica.judge(sequence=number) for number in range(1000)]
    assert flood.count(Verdict.COUNTED) == BURST
    assert flood.count(Verdict.LIMITED) == 1000 - BURST
    assert replica.judge("10.0.0.2", replica="honest") is Verdict.COUNTED

    replica.now_s += 1
    later = [replica.judge(sequence=number) for number in range(1000, 1100)]
    assert later.count(Verdict.COUNTED) == NOTICES_PER_S


def test_a_limited_one_may_be_sent_again() -> None:
    """A notice that was over the allowance may be sent again, as it was not counted."""
    replica = Replica()
    for number in range(int(BURST)):
        replica.judge(sequence=number)
    assert replica.judge(sequence=500) is Verdict.LIMITED

    replica.now_s += 1

    assert replica.judge(sequence=500) is Verdict.COUNTED


def test_made_up_names_fill_no_memory() -> None:
    """What is remembered of senders is bounded, and the latest is kept."""
    replica = Replica()
    for number in range(3 * MOST_SEQUENCES):
        replica.judge(f"sender-{number}", replica=f"replica-{number}")

    heard = replica.book.heard_ago_s(replica.now_s)

    assert len(heard) == MOST_SENDERS
    assert f"replica-{number}" in heard
    assert len(replica.book._sequences) == MOST_SEQUENCES
    assert len(replica.book._allowances) == MOST_SENDERS


def test_when_a_sibling_was_heard() -> None:
    """The book tells the seconds since a sibling's last notice that counted."""
    replica = Replica()
    replica.judge()
    replica.judge(replica="stale", sent_at=0.0)
    replica.now_s += 2.5

    assert replica.book.heard_ago_s(replica.now_s) == {"sibling": 2.5}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["me", "a", "b"]),
            st.integers(0, 20),
            st.floats(-60, 60),
            st.floats(-5, 5),
        ),
        max_size=60,
    )
)
def test_no_notice_ever_counts_twice(sent: list[tuple[str, int, float, float]]) -> None:
    """No notice counts twice, in whatever order they come, by a clock that may even step back."""
    replica, counted = Replica(), []
    for name, sequence, off_s, step_s in sent:
        replica.now_s += step_s
        verdict = replica.judge(replica=name, sequence=sequence, sent_at=NOW_UNIX_S + off_s)
        if verdict is Verdict.COUNTED:
            counted.append((name, sequence))

    assert len(counted) == len(set(counted))
    assert not any(name == "me" for name, _ in counted)
