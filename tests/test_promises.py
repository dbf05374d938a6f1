"""The promises of tests are told in the documents."""

import pytest

from tests.promises import (
    BEGIN,
    END,
    RELIABILITY,
    SECURITY,
    Chapter,
    Promise,
    chapter_in,
    chapters_of,
    pages,
    table_of,
    with_table,
)

SOURCE = '''"""Programs that are odd."""

class TestOdd:
    async def test_one_that_sings(self) -> None:
        """It is heard
        by nobody.
        """

def helper() -> None:
    """No promise."""

def test_one_that_is_silent() -> None:
    """So is `a|b`."""
'''


def test_the_documents_are_up_to_date() -> None:
    """The documents tell what the tests promise now; `make promises` writes them."""
    stale = [path.name for path, text in pages().items() if path.read_text() != text]

    assert stale == []


def test_every_test_is_a_promise() -> None:
    """Tests in classes are promises, too; functions that are no tests are none."""
    assert chapter_in(SOURCE) == Chapter(
        "Programs that are odd.",
        [
            Promise("one that sings", "It is heard by nobody."),
            Promise("one that is silent", "So is `a|b`."),
        ],
    )


def test_a_test_without_a_promise_is_an_error() -> None:
    """A test without a docstring is an error, because its row of the table would
    have an empty place.
    """
    with pytest.raises(ValueError, match="test_it has no docstring"):
        chapter_in("def test_it(): pass")


def test_a_table_is_markdown() -> None:
    """Characters that would end a cell of the table are escaped."""
    assert table_of([chapter_in(SOURCE)]).splitlines() == [
        "",
        "**Programs that are odd.**",
        "",
        "| when | then |",
        "|---|---|",
        "| one that sings | It is heard by nobody. |",
        "| one that is silent | So is `a\\|b`. |",
        "",
    ]


def test_only_what_is_between_the_marks_is_written() -> None:
    """The prose around a table stays, and a document without marks is an error."""
    assert with_table(f"a\n{BEGIN}old\n{END}b\n", "new\n") == f"a\n{BEGIN}new\n{END}b\n"
    with pytest.raises(ValueError, match="no place for promises"):
        with_table(f"a\n{BEGIN}b\n", "new\n")


def test_hostile_programs_are_a_matter_of_security() -> None:
    """Requests, stalls and faults of the engine are one of reliability."""
    of_security = {chapter.title for chapter in chapters_of(SECURITY)}
    of_reliability = {chapter.title for chapter in chapters_of(RELIABILITY)}

    assert "Programs that multiply, or take what there is." in of_security
    assert any(title.startswith("Hostile requests") for title in of_reliability)
    assert not of_security & of_reliability
