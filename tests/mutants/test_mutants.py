"""The list of mutants fits the project, and what the script makes of a mutant's tests is right."""

from collections.abc import Mapping, Sequence

import pytest

from tests.mutants.mutants import (
    ROOT,
    Mutant,
    Needs,
    Verdict,
    functions_by_name,
    node_ids,
    read_mutants,
    selection,
    verdict_of,
)

MUTANT = Mutant("All is well.", "a.py", "is_well()", "True", ("test_it",))


@pytest.fixture(scope="module")
def known_tests() -> Mapping[str, Sequence[str]]:
    """The project's tests, by their names."""
    return functions_by_name(ROOT / "tests")


@pytest.mark.parametrize("mutant", read_mutants(), ids=lambda one: one.protection)
def test_every_mutant_can_be_tried(
    mutant: Mutant, known_tests: Mapping[str, Sequence[str]]
) -> None:
    """The text of every mutant is in its file exactly once, and the tests that must
    notice it exist.
    """
    assert mutant.fault((ROOT / mutant.file).read_text(), known_tests) == ""


def test_there_are_many_mutants_and_each_has_a_name_of_its_own() -> None:
    """There are at least 40 mutants, and each has a text of its own, by which a report tells it."""
    names = [mutant.protection for mutant in read_mutants()]

    assert len(names) == len(set(names)) >= 40
    assert all(name.endswith(".") for name in names)


@pytest.mark.parametrize(
    ("source", "tests", "fault"),
    [
        ("is_well()", ["test_it"], ""),
        ("", ["test_it"], "a.py has 0 times: is_well()"),
        ("is_well() or is_well()", ["test_it"], "a.py has 2 times: is_well()"),
        ("is_well()", ["test_other"], "there is no test test_it"),
    ],
)
def test_a_mutant_that_cannot_be_tried_says_why(source: str, tests: list[str], fault: str) -> None:
    """A text that has moved or a test that was renamed is found out at once."""
    assert MUTANT.fault(source, tests) == fault


def test_a_mutant_takes_its_protection_out() -> None:
    """A mutant changes only the protection's own text."""
    assert MUTANT.apply("return is_well() or 1\n") == "return True or 1\n"


def test_tests_are_found_by_their_names(known_tests: Mapping[str, Sequence[str]]) -> None:
    """Tests are found in classes, too, and in any file."""
    assert known_tests["test_tests_are_found_by_their_names"] == [
        "tests/mutants/test_mutants.py::test_tests_are_found_by_their_names"
    ]
    [in_a_class] = known_tests["test_answers_in_pieces"]
    assert in_a_class.endswith("::TestFrames::test_answers_in_pieces")


def test_a_test_that_several_files_have_is_run_in_each() -> None:
    """A name of a test that several files have means the tests in all of these files."""
    assert node_ids(MUTANT, {"test_it": ["tests/a.py::test_it", "tests/b.py::test_it"]}) == [
        "tests/a.py::test_it",
        "tests/b.py::test_it",
    ]


def test_what_a_mutant_does_not_need_is_left_out() -> None:
    """Tests that need the real engine or a compiler are left out for a mutant that
    needs neither.
    """
    assert selection(Needs.NOTHING) == ["-m", "not docker and not clang"]
    assert selection(Needs.CLANG) == ["-m", "not docker"]
    assert selection(Needs.DOCKER) == selection(Needs.LAUNCHER) == []


@pytest.mark.parametrize(
    ("status", "output", "verdict", "by"),
    [
        (0, "1 passed", Verdict.SURVIVED, ""),
        (1, "F\nFAILED tests/a.py::test_it - boo", Verdict.KILLED, "a.py::test_it"),
        (1, "FAILED tests/a.py::test_it[a b]", Verdict.KILLED, "a.py::test_it[a b]"),
        (1, "E\nERROR tests/a.py::test_it - boo", Verdict.KILLED, "a.py::test_it"),
        (None, "", Verdict.KILLED, "the deadline: its tests did not end"),
        (2, "no such module", Verdict.BROKEN, "pytest ended with 2: no such module"),
        (5, "no tests ran", Verdict.BROKEN, "pytest ended with 5: no tests ran"),
    ],
)
def test_only_a_test_that_fails_kills_a_mutant(
    status: int | None, output: str, verdict: Verdict, by: str
) -> None:
    """A mutant whose tests could not even be collected has shown nothing."""
    assert verdict_of(status, output) == (verdict, by)
