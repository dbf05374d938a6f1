"""The tests run in two parts, with one exit status, and a stop ends what runs."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from tests.waiting import eventually

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "run_tests.py"


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A Python that has a pytest of the test's beside it."""
    (tmp_path / "python").symlink_to(sys.executable)
    return tmp_path / "python"


def pytest_is(python: Path, script: str) -> None:
    """Have the script run in pytest's place; it notes its arguments first."""
    fake = python.with_name("pytest")
    fake.write_text(f'#!/bin/sh\ncd {python.parent}\necho "$*" >>asked\n{script}\n')
    fake.chmod(0o755)


def asked(python: Path) -> list[str]:
    """The arguments of each part that was begun."""
    notes = python.with_name("asked")
    return notes.read_text().splitlines() if notes.exists() else []


async def run_tests(python: Path, *arguments: str) -> asyncio.subprocess.Process:
    """The script, just started."""
    return await asyncio.create_subprocess_exec(python, SCRIPT, *arguments)


@pytest.mark.parametrize(
    ("alone", "together", "status"),
    [(0, 0, 0), (5, 0, 0), (0, 5, 0), (5, 5, 5), (1, 0, 1), (0, 1, 1), (2, 1, 2), (5, 3, 3)],
)
async def test_status(python: Path, alone: int, together: int, status: int) -> None:
    """Both parts run, and the first that failed decides the status.

    Nothing to do in both is no success.
    """
    pytest_is(python, f'[ "$(wc -l <asked)" = 1 ] && exit {alone}; exit {together}')

    process = await run_tests(python, "not long", "-k", "name")

    assert await process.wait() == status
    first, second = asked(python)
    assert first.startswith("-m not long and not (docker or clang or tools) --numprocesses ")
    assert second.startswith("-m not long and (docker or clang or tools) --numprocesses ")
    assert first.endswith(" -k name")


async def test_a_stop_ends_the_part_under_way(python: Path) -> None:
    """SIGTERM to the script reaches pytest, and the other part does not begin."""
    pytest_is(python, "exec sleep 60")
    process = await run_tests(python, "not long")

    async def parts() -> list[str]:
        return asked(python)

    await eventually(parts)
    process.send_signal(signal.SIGTERM)

    assert await asyncio.wait_for(process.wait(), 20) == 128 + signal.SIGTERM
    assert len(asked(python)) == 1
