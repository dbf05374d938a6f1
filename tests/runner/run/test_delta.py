"""What a run did to its files."""

from collections.abc import Callable, Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from runner.kata import Text
from runner.run.delta import (
    LARGEST_DELTA_BYTES,
    MOST_CREATED,
    Delta,
    created_and_changed,
    touched,
)


def text_of(content: bytes) -> Text:
    """A text by which a file is recognised."""
    return Text(content.decode())


def test_new_and_other_content_is_touched() -> None:
    """A file that is as it was sent is not touched, nor is one that was deleted."""
    sent = {"same": "é", "other": "x", "deleted": "x"}
    found = {b"same": "é".encode(), b"other": b"y", b"new": b""}

    assert touched(sent, found) == {"other": b"y", "new": b""}


def test_the_beginning_of_a_file_is_never_what_was_sent() -> None:
    """A file that was returned cut has grown, even if the returned part is what was sent."""
    assert touched({"a": "xx"}, {b"a": b"xx"}, cut={b"a"}) == {"a": b"xx"}


def test_a_name_that_is_no_utf_8_is_left_out() -> None:
    """A file whose name could not be said in JSON is left out."""
    assert touched({}, {b"\xff": b"x", "é".encode(): b"y"}) == {"é": b"y"}


def delta_of(
    sent: Iterable[str],
    files: Mapping[str, bytes],
    *,
    cost: int = 1,
    is_over: Callable[[], bool] = lambda: False,
) -> Delta:
    """Where `text` begins a text, which costs so much."""
    return created_and_changed(
        sent,
        files,
        is_text=lambda content: content.startswith(b"text"),
        text_of=text_of,
        cost_of=lambda name, text: cost,
        is_over=is_over,
    )


def test_the_first_sixteen_texts_are_created() -> None:
    """Texts are taken by name; what is no text takes no place, and changed files are
    not counted.
    """
    files = {f"{number:02}": b"text" for number in range(30)} | {"s": b"text"}
    delta = delta_of(["s", "t"], files | {"00": b"binary"})

    assert list(delta.created) == [f"{number:02}" for number in range(1, MOST_CREATED + 1)]
    assert delta.changed == {"s": Text("text")}
    assert (delta.left_out, delta.unjudged) == (0, 0)


def test_texts_cost_no_more_than_the_limit_together() -> None:
    """Exactly the limit is fine; sent files come first, and what has no room is counted."""
    files = dict.fromkeys("abcxy", b"text")
    delta = delta_of(["x", "y"], files, cost=LARGEST_DELTA_BYTES // 4)

    assert (list(delta.changed), list(delta.created)) == (["x", "y"], ["a", "b"])
    assert delta.left_out == 1


def test_a_text_that_has_no_room_leaves_it_to_a_smaller_one() -> None:
    """A text that is too large is left out, and a smaller one after it is returned."""
    delta = created_and_changed(
        ["a", "b"],
        {"a": b"textual", "b": b"text"},
        is_text=lambda content: True,
        text_of=text_of,
        cost_of=lambda name, text: LARGEST_DELTA_BYTES + len(text.content) - 4,
        is_over=lambda: False,
    )

    assert (list(delta.changed), delta.left_out) == (["b"], 1)


def test_what_is_not_judged_in_time_is_left_out() -> None:
    """Nothing more is looked at once the time is over, and the rest is counted."""
    answers = iter([False, False, True])
    delta = delta_of(["x"], dict.fromkeys("abcdx", b"text"), is_over=lambda: next(answers))

    assert (list(delta.changed), list(delta.created), delta.unjudged) == (["x"], ["a"], 3)


@given(
    st.sets(st.text()),
    st.dictionaries(st.text(), st.sampled_from([b"text", b"binary"]), max_size=40),
)
def test_every_text_is_in_its_place(sent: set[str], files: dict[str, bytes]) -> None:
    """Created files are new, changed ones were sent, all in order, and only the limit
    leaves one out.
    """
    delta = delta_of(sent, files)

    texts = sorted(name for name, content in files.items() if content == b"text")
    assert list(delta.created) == [name for name in texts if name not in sent][:MOST_CREATED]
    assert list(delta.changed) == [name for name in texts if name in sent]
