"""How a measurement that is stopped ends."""

import asyncio
import os
import signal

import pytest

from bench.__main__ import end_as_by_ctrl_c


def test_sigterm_ends_what_was_started() -> None:
    """A measurement that gets SIGTERM comes to its `finally`, where it stops its engine."""
    ended = []

    async def measure() -> None:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        finally:
            ended.append("engine and daemon")

    before = signal.getsignal(signal.SIGTERM)
    try:
        end_as_by_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(measure())
    finally:
        signal.signal(signal.SIGTERM, before)

    assert ended == ["engine and daemon"]
