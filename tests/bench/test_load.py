"""Load: percentiles are values that were found, and no wait is left out."""

import asyncio
import itertools

import pytest

from bench.load import (
    Press,
    Run,
    Verdict,
    closed,
    percentile,
    percentile_ms,
    poisson,
    press_at,
    waves,
)


def run_of(seconds: float, outcome: str = "ok") -> Run:
    """A run that takes so long and is green."""

    async def run() -> Verdict:
        await asyncio.sleep(seconds)
        return lambda: outcome

    return run


@pytest.mark.parametrize(
    ("percent", "expected"), [(50, 50), (90, 90), (99, 99), (99.1, 100), (100, 100), (0, 1)]
)
def test_a_percentile_is_the_nearest_rank(percent: float, expected: int) -> None:
    """Each percentile of the numbers 1 to 100 is one of these numbers, never one between two."""
    assert percentile(reversed(range(1, 101)), percent) == expected


def test_of_few_runs_p99_is_the_longest() -> None:
    """Of few runs the p99 is the longest, so nobody is told of a tail that was not seen."""
    presses = [Press(0, seconds, "ok") for seconds in (0.3, 0.1, 0.2)]

    assert percentile_ms(presses, 99) == 300
    assert percentile_ms(presses, 50) == 200


def test_a_poisson_schedule_is_fixed_in_advance() -> None:
    """The same seed gives the same schedule of presses, at about the rate that was asked for."""
    due_s = list(poisson(2.0, 1000.0, 1))

    assert due_s == list(poisson(2.0, 1000.0, 1)) != list(poisson(2.0, 1000.0, 2))
    assert due_s == sorted(due_s)
    assert len(due_s) == pytest.approx(2000, rel=0.1)


async def test_an_open_loop_counts_from_when_a_run_was_due() -> None:
    """A run that is due while the server is busy waits, and its time includes that wait."""
    turn = asyncio.Lock()

    async def one_at_a_time() -> Verdict:
        async with turn:
            return await run_of(0.05)()

    presses = await press_at(one_at_a_time, [0.0, 0.0, 0.0])

    took_s = sorted(press.took_s for press in presses)
    assert all(took >= 0.05 * (n + 1) for n, took in enumerate(took_s))


async def test_a_closed_loop_keeps_so_many_at_once_and_ends_what_it_began() -> None:
    """Each worker runs at least once, however short the time."""
    now, most = 0, 0

    async def counted() -> Verdict:
        nonlocal now, most
        now += 1
        most = max(most, now)
        verdict = await run_of(0.005)()
        now -= 1
        return verdict

    presses = await closed(counted, 3, 1e-6)

    assert (most, now, len(presses)) == (3, 0, 3)


async def test_each_wave_waits_until_the_server_has_settled() -> None:
    """Waves and settlings alternate, and the settling is no part of a run's time."""
    told: list[str] = []
    names = itertools.cycle(["run", "run", "settle"])

    async def run() -> Verdict:
        told.append("run")
        return lambda: "ok"

    async def settle() -> None:
        told.append("settle")
        await asyncio.sleep(0.02)

    presses = await waves(run, 2, 0.03, settle)

    assert told == [name for name, _ in zip(names, told, strict=False)]
    assert told[-1] == "settle"
    assert len(presses) == told.count("run") >= 2


async def test_the_verdict_is_asked_for_after_the_clock() -> None:
    """What the load generator does with an answer is not the server's time."""
    asked: list[str] = []

    def verdict() -> str:
        asked.append("asked")
        return "ok"

    async def run() -> Verdict:
        return verdict

    (press,) = await press_at(run, [0.0])

    assert (press.outcome, asked) == ("ok", ["asked"])
