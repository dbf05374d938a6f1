"""No input breaks the launcher's parsers, be it known or one that seconds of search find."""

import asyncio
from pathlib import Path

import pytest

from tests.launcher.build import FUZZERS, build_fuzzer
from tests.launcher.fuzz import fuzz

pytestmark = pytest.mark.clang

SECONDS = 2


@pytest.mark.parametrize("name", FUZZERS)
async def test_no_input_breaks_it(name: str, tmp_path: Path) -> None:
    """No input of the corpus, and none that a short search finds, breaks a parser."""
    # In a thread: services of other tests live in this test's loop, and must not miss the engine.
    fuzzer = await asyncio.to_thread(build_fuzzer, name, tmp_path)
    ended = await asyncio.to_thread(fuzz, fuzzer, tmp_path / "found", SECONDS)

    assert ended.returncode == 0, ended.stdout
    assert "stat::number_of_executed_units" in ended.stdout
