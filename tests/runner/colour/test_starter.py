"""A start that hangs keeps nobody waiting: another one is begun beside it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pool import EngineError, Started, Supervisor, Tasks
from runner.colour.evaluator import Evaluator
from runner.colour.starter import Starter, doubtful_s, slow_s
from tests.fakes.stream import FakeStream
from tests.reports import Reports

NEVER_S = 1000.0  # a wait that no test waits for
AT_ONCE_S = 0.0
LOST = EngineError("ready", "no answer within 20 s")


class Starts:
    """Starts that the test sees through; `removed` has the evaluators that nobody wanted."""

    def __init__(self) -> None:
        self.reports = Reports()
        self.supervisor = Supervisor(self.reports)
        self.readers = Tasks(self.supervisor)
        self.begun: list[asyncio.Future[str]] = []
        self.ended: list[int] = []
        self.removed: list[str] = []

    async def start(self) -> Evaluator:
        """Wait for the test, which gives the name of a container, or an error."""
        number = len(self.begun)
        self.begun.append(asyncio.get_running_loop().create_future())
        try:
            name = await self.begun[number]
        finally:
            self.ended.append(number)
        return Evaluator(Started(name, name, FakeStream(name)), 1.0, self.readers)

    async def remove(self, evaluator: Evaluator) -> None:
        """Note an evaluator that was removed."""
        self.removed.append(evaluator.container_id)

    async def until_begun(self, count: int) -> None:
        """Wait until so many starts have begun."""
        async with asyncio.timeout(5):
            while len(self.begun) < count:  # noqa: ASYNC110 - the timeout ends it, no clock does
                await asyncio.sleep(0)

    def starter(self, *, slow_s: float, doubtful_s: float = NEVER_S) -> Starter:
        """A starter with these patiences."""
        return Starter(
            self.start,
            self.remove,
            self.supervisor,
            slow_s=lambda _last_s: slow_s,
            doubtful_s=lambda _last_s: doubtful_s,
        )


@pytest.fixture
async def starts() -> AsyncIterator[Starts]:
    """Nothing unforeseen may have been reported in the end."""
    made = Starts()
    yield made
    await made.readers.cancel()
    assert made.reports.errors == []


@pytest.mark.parametrize(
    ("last_s", "slow", "doubtful"), [(None, None, None), (0.4, 3.0, 1.0), (6.0, 24.0, 12.0)]
)
def test_a_slow_machine_is_given_time(
    last_s: float | None, slow: float | None, doubtful: float | None
) -> None:
    """A second start takes CPU, so it is begun only if the first one takes much longer than starts
    do there. Before one has succeeded nobody knows how long that is.
    """
    assert (slow_s(last_s), doubtful_s(last_s)) == (slow, doubtful)


async def test_a_start_tells_how_long_starts_take(starts: Starts) -> None:
    """The next start is judged by what the last good one took."""
    told: list[float | None] = []

    def never(last_s: float | None) -> float:
        told.append(last_s)
        return NEVER_S

    starter = Starter(starts.start, starts.remove, starts.supervisor, slow_s=never)
    for number in range(2):
        evaluator = asyncio.create_task(starter.evaluator())
        await starts.until_begun(number + 1)
        starts.begun[number].set_result(f"number {number}")
        await evaluator

    assert told[0] is None
    assert told[1] is not None


async def test_a_start_that_does_not_hang_is_the_only_one(starts: Starts) -> None:
    """A second start at the same time would take the first one's CPU."""
    starter = starts.starter(slow_s=NEVER_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(1)

    starts.begun[0].set_result("first")

    assert (await evaluator).container_id == "first"
    assert len(starts.begun) == 1


async def test_a_start_that_fails_is_not_made_again(starts: Starts) -> None:
    """A failed start is not repeated here: its caller decides when to try again."""
    starter = starts.starter(slow_s=NEVER_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(1)

    starts.begun[0].set_exception(LOST)

    with pytest.raises(EngineError, match="no answer within 20 s"):
        await evaluator
    assert len(starts.begun) == 1


async def test_a_start_that_hangs_gets_another_beside_it(starts: Starts) -> None:
    """The second one counts if it is there first, and the first one is ended."""
    starter = starts.starter(slow_s=AT_ONCE_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(2)

    starts.begun[1].set_result("second")

    assert (await evaluator).container_id == "second"
    await starter.close()
    assert sorted(starts.ended) == [0, 1]
    assert starts.removed == []


@pytest.mark.parametrize("number", [0, 1])
async def test_the_later_of_two_that_succeed_is_removed(starts: Starts, number: int) -> None:
    """The start that is ready first counts, whichever was begun first."""
    starter = starts.starter(slow_s=AT_ONCE_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(2)

    starts.begun[number].set_result("sooner")
    starts.begun[1 - number].set_result("later")

    used = (await evaluator).container_id
    await starter.close()
    assert {used, *starts.removed} == {"sooner", "later"}


@pytest.mark.parametrize("number", [0, 1])
async def test_one_of_two_may_fail(starts: Starts, number: int) -> None:
    """If one of two starts fails, the other one is waited for."""
    starter = starts.starter(slow_s=AT_ONCE_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(2)

    starts.begun[number].set_exception(LOST)
    await asyncio.sleep(0)
    starts.begun[1 - number].set_result("other")

    assert (await evaluator).container_id == "other"


async def test_the_error_is_that_of_the_last_to_fail(starts: Starts) -> None:
    """If both starts fail, the caller gets the error of the last one."""
    starter = starts.starter(slow_s=AT_ONCE_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(2)

    starts.begun[0].set_exception(LOST)
    for _ in range(5):
        await asyncio.sleep(0)
    starts.begun[1].set_exception(EngineError("create", "no space left on device"))

    with pytest.raises(EngineError, match="no space left"):
        await evaluator


async def test_a_start_is_doubtful_when_the_engine_comes_back(starts: Starts) -> None:
    """An older start is waited for only as long as a start takes, and then another begins."""
    starter = starts.starter(slow_s=NEVER_S, doubtful_s=AT_ONCE_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(1)

    starter.hurry()
    starter.hurry()
    await starts.until_begun(2)
    starts.begun[1].set_result("second")

    assert (await evaluator).container_id == "second"
    starter.hurry()  # nothing is under way
    await starter.close()
    assert len(starts.begun) == 2


async def test_a_young_start_is_not_doubtful(starts: Starts) -> None:
    """A start that began just before the engine was back is not doubtful."""
    starter = starts.starter(slow_s=NEVER_S, doubtful_s=NEVER_S)
    evaluator = asyncio.create_task(starter.evaluator())
    await starts.until_begun(1)

    starter.hurry()
    for _ in range(20):
        await asyncio.sleep(0)
    starts.begun[0].set_result("first")

    assert (await evaluator).container_id == "first"
    assert len(starts.begun) == 1


@pytest.mark.parametrize("slow_s", [NEVER_S, AT_ONCE_S])
async def test_nothing_is_left_of_a_start_that_is_cancelled(starts: Starts, slow_s: float) -> None:
    """No container of a cancelled caller is left, of one start or of two."""
    starter = starts.starter(slow_s=slow_s)
    evaluator = asyncio.create_task(starter.evaluator())
    count = 1 if slow_s else 2
    await starts.until_begun(count)

    evaluator.cancel()
    await asyncio.wait([evaluator])
    await starter.close()

    assert len(starts.ended) == count
