"""How tests wait: they ask again and again until a deadline, and then say what they saw last."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

_T = TypeVar("_T")

ASK_AGAIN_S = 0.02


async def eventually(
    ask: Callable[[], Awaitable[_T]],
    wanted: Callable[[_T], object] = bool,
    *,
    within_s: float = 20.0,
) -> _T:
    """The first answer that is wanted; fails with the last one when none comes in time."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + within_s
    while not wanted(answer := await ask()):
        assert loop.time() < deadline_s, f"still {answer!r} after {within_s:g} s"
        await asyncio.sleep(ASK_AGAIN_S)
    return answer
