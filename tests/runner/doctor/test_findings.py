"""Checks end in time, and in words, whatever happens in them."""

import asyncio
import threading

import pytest

from runner.doctor.findings import Finding, Level, aside, ok, within


async def test_a_check_that_stalls_is_a_problem() -> None:
    """At its deadline the check is given up, and the finding says so."""

    async def never() -> Finding:
        await asyncio.Event().wait()
        raise AssertionError

    found = await within(0.05, "x", never)

    assert (found.level, found.found) == (Level.PROBLEM, "no answer within 0.05 s")


async def test_a_check_with_a_bug_is_a_problem() -> None:
    """The error is in the finding, and the examination goes on."""

    async def broken() -> Finding:
        raise KeyError("x")

    found = await within(1, "x", broken)

    assert found.level is Level.PROBLEM
    assert "KeyError('x')" in found.found


async def test_what_blocks_is_looked_at_in_a_thread() -> None:
    """A disk that never answers keeps neither the deadline nor the end of the process."""
    go_on = threading.Event()

    def blocks() -> Finding:
        go_on.wait()
        assert threading.current_thread().daemon
        return ok("x", "late")

    found = await within(0.05, "x", lambda: aside(blocks))
    go_on.set()

    assert found.level is Level.PROBLEM
    assert await aside(lambda: 5) == 5


async def test_an_error_in_the_thread_is_raised() -> None:
    """Whoever waits for the thread gets its error."""

    def fails() -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        await aside(fails)
