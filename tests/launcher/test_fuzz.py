"""No input breaks the launcher's parsers, be it known or one that seconds of search find."""

from pathlib import Path

import pytest

from tests.launcher.build import FUZZERS, build_fuzzer
from tests.launcher.fuzz import fuzz

pytestmark = pytest.mark.clang

SECONDS = 2


@pytest.mark.parametrize("name", FUZZERS)
def test_no_input_breaks_it(name: str, tmp_path: Path) -> None:
    """Every input of the corpus is tried first; `make fuzz` searches for minutes."""
    ended = fuzz(build_fuzzer(name, tmp_path), tmp_path / "found", SECONDS)

    assert ended.returncode == 0, ended.stdout
    assert "stat::number_of_executed_units" in ended.stdout
