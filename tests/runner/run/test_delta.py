"""What a run did to its files."""

from hypothesis import given
from hypothesis import strategies as st

from runner.kata import Text
from runner.run.delta import MOST_CREATED, created_and_changed, touched


def text_of(content: bytes) -> Text:
    """Enough to recognise it."""
    return Text(content.decode())


def test_new_and_other_content_is_touched() -> None:
    """What is as it was sent is not, nor is what was deleted."""
    sent = {"same": "é", "other": "x", "deleted": "x"}
    found = {b"same": "é".encode(), b"other": b"y", b"new": b""}

    assert touched(sent, found) == {"other": b"y", "new": b""}


def test_the_beginning_of_a_file_is_never_what_was_sent() -> None:
    """A file that came back cut has grown, even if all of what came is what was sent."""
    assert touched({"a": "xx"}, {b"a": b"xx"}, cut={b"a"}) == {"a": b"xx"}


def test_a_name_that_is_no_utf_8_is_left_out() -> None:
    """It could not be said in JSON."""
    assert touched({}, {b"\xff": b"x", "é".encode(): b"y"}) == {"é": b"y"}


def test_the_first_sixteen_texts_are_created() -> None:
    """By name; what is no text takes no place, and changed files are not counted."""
    files = {f"{number:02}": b"x" for number in range(30)} | {"s": b"x"}
    created, changed = created_and_changed(
        ["s", "t"], files | {"00": b"binary"}, is_text=lambda content: content == b"x",
        text_of=text_of,
    )  # fmt: skip

    assert list(created) == [f"{number:02}" for number in range(1, MOST_CREATED + 1)]
    assert changed == {"s": Text("x")}


@given(
    st.sets(st.text()),
    st.dictionaries(st.text(), st.sampled_from([b"text", b"binary"]), max_size=40),
)
def test_every_text_is_in_its_place(sent: set[str], files: dict[str, bytes]) -> None:
    """Created are new, changed were sent, both are in order, and only the limit leaves one out."""
    created, changed = created_and_changed(
        sent, files, is_text=lambda content: content == b"text", text_of=text_of
    )

    texts = sorted(name for name, content in files.items() if content == b"text")
    assert list(created) == [name for name in texts if name not in sent][:MOST_CREATED]
    assert list(changed) == [name for name in texts if name in sent]
