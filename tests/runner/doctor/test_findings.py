"""Checks end in time, and in words, whatever happens in them."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest

from pool import Delivery
from runner.doctor.findings import Finding, Level, ok, within
from runner.doctor.show import tell
from runner.doctor.trial import Trial


async def _never() -> Finding:
    await asyncio.Event().wait()
    raise AssertionError


async def test_a_check_that_stalls_is_a_problem() -> None:
    """At its deadline the check is cancelled, and the finding says so."""
    found = await within(0.05, "x", _never)

    assert (found.level, found.found) == (Level.PROBLEM, "no answer within 0.05 s")


async def test_a_check_that_stalls_names_its_step() -> None:
    """Of a check of several steps it is told which of them did not end."""
    found = await within(0.05, "x", _never, lambda: "its daemon was being started")

    assert found.found == "no answer within 0.05 s: its daemon was being started"


async def test_a_trial_that_does_not_end_tells_what_came_of_it() -> None:
    """A run that was well is well, though the daemon that served it is slow to go."""

    class SlowToGo(Trial):
        async def run(self) -> Finding:
            self.finding = ok(self.name, "green")
            return await _never()

    found = await SlowToGo("image", Delivery.ATTACH).within(0.05)

    assert found == ok("a run by attach", "green")


async def test_an_examination_that_is_interrupted_tells_what_it_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An interrupted examination prints what it has found, and a finding that says so.

    It does not look as if all were well, as JSON neither.
    """
    is_asked = asyncio.Event()

    async def findings() -> AsyncIterator[Finding]:
        yield ok("first", "well")
        is_asked.set()
        yield await _never()

    telling = asyncio.create_task(tell(findings(), as_json=True))
    await is_asked.wait()
    telling.cancel()
    await asyncio.wait([telling])

    said = json.loads(capsys.readouterr().out)
    assert said["level"] == "problem"
    assert [one["name"] for one in said["findings"]] == ["first", "the examination"]


async def test_a_check_with_a_bug_is_a_problem() -> None:
    """The error is in the finding, and the examination goes on."""

    async def broken() -> Finding:
        raise KeyError("x")

    found = await within(1, "x", broken)

    assert found.level is Level.PROBLEM
    assert "KeyError('x')" in found.found
