"""What a take costs does not depend on how many images there are."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from bench.takes import Rig

POOL = str(Path(__file__).parents[2] / "pool")
FEW, MANY = 10, 400
ACTS = 40  # so that the mixture of hits, misses and evictions is the same
MOST = 1.5  # times the work that it is with few images


class Steps:
    """Counts the bytecodes that the pool's modules execute inside the block.

    They are the same on every machine, however busy it is. What is done inside one of them, such as
    the copy of a dictionary, is not counted.
    """

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count in this thread; whoever traced before goes on afterwards."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            yield
        finally:
            sys.settrace(before)

    def _enter(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(POOL):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._step

    def _step(self, _frame: FrameType, event: str, _argument: Any) -> Any:
        self.count += event == "opcode"
        return self._step


async def _steps_of(act: Callable[[], Awaitable[None]]) -> int:
    steps = Steps()
    await act()  # what is made at the first use is no part of it
    with steps.counted():
        for _ in range(ACTS):
            await act()
    return steps.count


@pytest.mark.parametrize("limit_each", [4.0, 1.0], ids=["room for all", "a third of the room"])
@pytest.mark.parametrize("act", ["take", "hear", "warm_up"])
async def test_an_act_costs_the_same_with_many_images(act: str, limit_each: float) -> None:
    """A take, a sibling's notice and an announcement take as much work with 400 images as with 10.

    Work is counted in bytecodes, and includes what follows in the background.
    """
    found = {}
    for images in (FEW, MANY):
        rig = Rig(images, limit_each)
        await rig.warm()
        found[images] = await _steps_of(getattr(rig, act))
        await rig.pools.close()
        assert rig.errors == []

    assert 0 < found[MANY] <= MOST * found[FEW]
