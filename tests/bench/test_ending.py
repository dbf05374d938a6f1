"""How a measurement that is stopped ends."""

import asyncio
import os
import signal
from typing import Any

import pytest

from bench.__main__ import end_as_by_ctrl_c


@pytest.mark.parametrize("of_ctrl_c", [signal.default_int_handler, signal.SIG_IGN])
def test_sigterm_ends_what_was_started(of_ctrl_c: Any) -> None:
    """A measurement that gets SIGTERM comes to its `finally`, where it stops its engine.

    So does one that a script has started in the background, which ignores Ctrl-C.
    """
    ended = []

    async def measure() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            ended.append("engine and daemon")

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        signal.signal(signal.SIGINT, of_ctrl_c)
        end_as_by_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(measure())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert ended == ["engine and daemon"]
