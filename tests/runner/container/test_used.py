"""The numbers of a run's use of the machine, which a learner's program may have forged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.container.answer import unpack
from runner.container.used import used_in
from runner.kata import Used
from tests.fakes import archive

OF_A_CELL = b"memory 9437184\nstarted 3\ncpu 0m0.041s\n"
OF_BASH = b"memory 52428800\nstarted 12\ncpu 0.050s 0m0.002s 0m0.001s\n1m2.100s 0m0.400s\n    "


@pytest.mark.parametrize(
    ("content", "used"),
    [
        (OF_A_CELL, Used(0.041, 9437184, 3)),
        (OF_BASH, Used(62.553, 52428800, 12)),
        (b"started 12\n", Used(None, None, 12)),
        (b"memory \nstarted 12\ncpu 0m0.001s\n", Used(0.001, None, 12)),
    ],
)
def test_each_number_counts_by_itself(content: bytes, used: Used) -> None:
    """The launcher and bash write the same form; a number that is not there leaves the others."""
    assert used_in(content) == used


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" " * 128,
        b"memory -1\nstarted -2\ncpu -0m0.001s\n",
        b"memory 1e3\nstarted 0x1\ncpu 0m0,001s\n",
        "memory ٣\nstarted ٣\ncpu ٣m٣.٣٣٣s\n".encode(),
        b"memory 999999999999999\nstarted 999999999\ncpu 999999m0.000s\n",
        b"memory 9999999999999999999999\nstarted 9999999999\ncpu 9999999m0.000s0m0.00s\n",
        b"cpu " + b"0m0.001s " * 9,
        OF_A_CELL + b" " * 512,
    ],
)
def test_forged_numbers_are_none(content: bytes) -> None:
    """Other forms, too many, too long, and what no run can take: nothing of it counts."""
    assert used_in(content) == Used()


@given(st.binary(max_size=600) | st.text("memorystadcpu 0123456789.\n").map(str.encode))
def test_nothing_that_is_forged_fails(content: bytes) -> None:
    """Any bytes give numbers within bounds, or none."""
    used = used_in(content)

    assert 0 <= (used.cpu_s or 0) <= 3600
    assert 0 <= (used.memory_bytes or 0) <= 2**40
    assert 0 <= (used.processes or 0) <= 1_000_000


def test_it_is_a_member_of_the_answer() -> None:
    """The numbers are no file of the learner's, and an answer without them is an answer."""
    assert unpack(archive({".dojo/used": OF_A_CELL, "sandbox/a": b"x"})).used.processes == 3
    assert unpack(archive({"sandbox/.dojo/used": OF_A_CELL})).used == Used()
