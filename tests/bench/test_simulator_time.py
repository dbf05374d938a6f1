"""Virtual time, and the cores that jobs share in it."""

import asyncio
import random

import pytest

from bench.simulator import virtual_time
from bench.simulator.cores import Cores
from bench.simulator.virtual_time import NothingLeftError


class TestVirtualTime:
    """A loop whose time jumps."""

    def test_time_passes_by_timers_alone(self) -> None:
        """A day of waiting takes no time, and ends at the right second."""

        async def wait() -> float:
            await asyncio.sleep(86_400)
            return asyncio.get_running_loop().time()

        assert virtual_time.run(wait(), seed=1, begin_s=600.0) == pytest.approx(87_000)

    def test_timers_end_in_their_order(self) -> None:
        """The task that waits for less is woken first, in whatever order tasks began to wait."""
        woken = []

        async def wait(seconds: float) -> None:
            await asyncio.sleep(seconds)
            woken.append((seconds, asyncio.get_running_loop().time()))

        async def all_of_them() -> None:
            await asyncio.gather(*map(wait, (3.0, 1.0, 2.0)))

        virtual_time.run(all_of_them(), seed=1)

        assert woken == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]

    def test_a_deadline_is_one_of_virtual_time(self) -> None:
        """A deadline passes after its seconds of virtual time."""

        async def too_long() -> float:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5.0):
                    await asyncio.sleep(50)
            return asyncio.get_running_loop().time()

        assert virtual_time.run(too_long(), seed=1) == pytest.approx(5)

    def test_waiting_for_what_cannot_happen_is_an_error(self) -> None:
        """A loop in which nothing can happen any more ends with an error, not never."""

        async def wait() -> None:
            await asyncio.Event().wait()

        with pytest.raises(NothingLeftError):
            virtual_time.run(wait(), seed=1)

    def test_chance_is_of_the_seed_and_given_back(self) -> None:
        """A seed gives the same random numbers each time, and the caller's own
        random numbers do not change.
        """

        async def draw() -> float:
            return random.random()  # noqa: S311 - what the pool asks, too

        before = random.getstate()

        assert virtual_time.run(draw(), seed=7) == virtual_time.run(draw(), seed=7)
        assert random.getstate() == before


class TestCores:
    """Jobs share them as a fair scheduler does it."""

    def test_jobs_beside_each_other_slow_each_other_down(self) -> None:
        """Two jobs of a second on one core take two; a third that comes then takes one."""
        assert ended_s(1, [(0.0, 1.0), (0.0, 1.0), (2.0, 1.0)]) == pytest.approx([2.0, 2.0, 3.0])

    def test_a_job_has_one_core_at_the_most(self) -> None:
        """A job is not faster because other cores are idle."""
        assert ended_s(4, [(0.0, 1.0)]) == pytest.approx([1.0])


def ended_s(cores: int, jobs: list[tuple[float, float]]) -> list[float]:
    """When jobs end that begin at a time and need so much CPU."""

    async def job(shared: Cores, begin_s: float, cpu_s: float) -> float:
        await asyncio.sleep(begin_s)
        await shared.use(cpu_s)
        return asyncio.get_running_loop().time()

    async def all_of_them() -> list[float]:
        shared = Cores(cores)
        return await asyncio.gather(*(job(shared, *one) for one in jobs))

    return virtual_time.run(all_of_them(), seed=1)
