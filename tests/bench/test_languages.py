"""The tables of docs/languages.md."""

from pathlib import Path

import pytest

from bench.languages import (
    BEGIN,
    DOCUMENT,
    END,
    FOUND,
    Language,
    load,
    main,
    section,
    start_points,
    write,
)
from bench.ways import CELLS, DOCKER_RUN, LIMIT, WARM

RIGHT = {"red": "red", "amber": "amber", "green": "green"}


def language(name: str, limit_ms: float, warm_ms: float) -> Language:
    """A language that was found right in both kinds of container, and has no `docker run`."""
    return Language(
        name=name,
        title=name.title(),
        commit="1a2b3c4",
        machine="2 cores",
        colours={WARM: RIGHT, CELLS: RIGHT},
        modes={WARM: "read-only", CELLS: "cells"},
        took_ms={LIMIT: [1.0, limit_ms, 9000.0], WARM: [warm_ms], CELLS: [warm_ms], DOCKER_RUN: []},
        warm_memory_mib=5.0,
    )


def test_a_language_is_one_row() -> None:
    """A language's row has its kinds, its medians, and a dash for a way that could
    not be measured.
    """
    [row] = [
        line for line in section([language("lua", 30.0, 40.0)]).splitlines() if "`lua`" in line
    ]

    assert row == (
        "| Lua | `lua` | all, in both kinds | read-only, cells | nothing of it needs more"
        " | 40.0 | 40.0 | 30.0 | - | 5.0 |"
    )


def test_a_wrong_colour_is_told() -> None:
    """The page says which language got a wrong colour, and where."""
    wrong = language("lua", 30.0, 40.0)
    wrong.colours[CELLS] = {**RIGHT, "green": "amber"}

    assert "WRONG" in section([wrong])


def test_an_image_that_warms_up_stands_beside_the_one_that_does_not() -> None:
    """An image that warms up, and its twin without a warm-up, are compared with
    limits of the same rounds.
    """
    found = section([language("lua", 100.0, 110.0), language("lua-warm", 200.0, 50.0)])

    assert "| Lua-Warm | warm, cells | 50.0 | 0.25 |" in found
    assert "| Lua | warm, cells | 110 | 1.10 |" in found


def test_what_was_not_measured_is_told() -> None:
    """The page names the languages that were not measured."""
    found = section([language("lua", 30.0, 40.0)], ["r-runit", "sqlite3"])

    assert "Not measured yet: `r-runit`, `sqlite3`." in found
    assert "Not measured yet" not in section([language("lua", 30.0, 40.0)])


def test_a_busy_machine_is_told() -> None:
    """The page tells the machine's load, as times can be compared only at like loads."""
    quiet, busy = language("lua", 30.0, 40.0), language("r", 30.0, 40.0)
    quiet.load, busy.load = 0.5, 11.0

    assert "was between 0.5 and 11.0" in section([quiet, busy])
    assert "load" not in section([language("lua", 30.0, 40.0)])


def test_a_document_without_its_marks_is_left_alone(tmp_path: Path) -> None:
    """Only the section between a document's marks is written anew.

    A document without marks is refused.
    """
    document = tmp_path / "languages.md"
    document.write_text(f"before {BEGIN} old {END} after")

    write([language("lua", 30.0, 40.0)], document)

    assert document.read_text().startswith(f"before {BEGIN}")
    assert document.read_text().endswith(f"{END} after")
    document.write_text("no marks")
    with pytest.raises(ValueError, match="there are no"):
        write([], document)


def test_nothing_is_known_before_the_first_measurement(tmp_path: Path) -> None:
    """A file of results that is not there yet has no results."""
    assert load(tmp_path / "none.json") == []


def test_the_page_is_made_of_what_is_kept(tmp_path: Path) -> None:
    """The page is made of the file of results, so in every clone some languages can be measured
    anew. The rows of the others stay.
    """
    anew = tmp_path / "languages.md"
    anew.write_text(f"{BEGIN}{END}")

    write(load(FOUND), anew)

    assert anew.read_text() in DOCUMENT.read_text()
    assert load(FOUND)[0].name in start_points()


async def test_a_language_that_there_is_not_is_an_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An unknown name of a language is an error, and nothing is measured."""
    assert await main(["gcc", "rubby"], [WARM], 1, None) == 1

    assert "there is no rubby" in capsys.readouterr().out
