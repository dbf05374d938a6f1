"""Keeps one evaluator running for ever, whether or not anybody asks a question."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from pool import BackOff, EngineError, Supervisor, Tasks
from runner.colour.evaluator import Evaluator
from runner.colour.questions import NoAnswerError
from runner.colour.starter import Starter

# While nobody asks a question, each pause is twice as long as the one before, up to this.
LONGEST_BACK_OFF_S = 60.0
WELL_AFTER_S = 60.0  # an evaluator that lives for so long is well, although nobody has asked it


class Keeper:
    """Keeps one evaluator; when it is lost, or its start has failed, starts the next.

    `start` makes an evaluator, or raises EngineError. `remove` removes one that was lost.

    After a failed start the keeper waits before it tries the next. The pause grows with each
    failure. A caller that asks for an evaluator ends the pause, but not before `back_off_s`;
    `try_now` ends it at once. Must be made in a running loop.
    """

    def __init__(
        self,
        start: Callable[[], Coroutine[Any, Any, Evaluator]],
        remove: Callable[[Evaluator], Coroutine[Any, Any, None]],
        supervisor: Supervisor,
        *,
        back_off_s: float,
    ) -> None:
        self._starter = Starter(start, remove, supervisor)
        self._remove = remove
        self._back_off_s = back_off_s
        self._pauses = BackOff(back_off_s, LONGEST_BACK_OFF_S)
        self._loop = Tasks(supervisor)
        self._removals = Tasks(supervisor)
        self._is_closed = False
        self.restarts = 0  # evaluators that were lost, each of which is replaced
        # Why there is no evaluator, or why the last one was of no use; empty if all is well.
        self.trouble = ""
        # Holds the evaluator that runs, or the error of the last start; not done while one starts.
        self._next = _promise()
        self._is_wanted = False  # a caller waits for `_next`
        self._refused_until_s = 0.0
        self._is_forgiven = False  # `try_now` was called since the last start began
        self._woken = asyncio.Event()

    def begin(self) -> None:
        """Start the first evaluator, in the background. A second call is harmless."""
        if not self._loop and not self._is_closed:
            self._loop.loop(self._keep, "traffic light")

    def try_now(self) -> None:
        """Try a start now, because the cause of the last failure may be over.

        This ends the pause after a failed start. If a start is under way that seems to hang, a
        second one is begun beside it.
        """
        self._starter.hurry()
        self._refused_until_s = 0.0
        self._is_forgiven = True
        self._woken.set()

    async def evaluator(self) -> Evaluator:
        """The evaluator that runs, or that is started next.

        Raises EngineError, the last start's own; NoAnswerError when closed.
        """
        if self._is_closed:
            raise _closed()
        self.begin()
        if self._may_be_replaced():
            self._next = _promise()
        if not self._next.done():
            self._is_wanted = True
            self._woken.set()
        # Other callers wait for the same future. If this one awaited it directly, its cancellation
        # would cancel the future for all of them.
        promised = self._next
        await asyncio.wait([promised])
        return promised.result()

    async def close(self) -> None:
        """End the evaluator. Callers that wait for one get an error. A second call is harmless."""
        self._is_closed = True
        await self._loop.cancel()
        if not self._next.done():
            self._fail(_closed())
        await self._starter.close()
        await self._removals.finish()

    def _may_be_replaced(self) -> bool:
        """Whether a caller would gain nothing from `_next`: its evaluator is lost, or it holds the
        error of a start, and another start may be tried by now.
        """
        if not self._next.done():
            return False
        if self._next.exception() is None:
            return self._next.result().is_lost
        return _now_s() >= self._refused_until_s

    async def _keep(self) -> None:
        while True:
            self._is_forgiven = False
            if await self._start_and_wait():
                self._pauses.succeeded()
            else:
                await self._pause(self._pauses.failed())

    async def _start_and_wait(self) -> bool:
        """Start an evaluator, and wait until it is lost. Returns whether it was of any use."""
        if self._next.done():
            self._next = _promise()
        try:
            evaluator = await self._starter.evaluator()
        except EngineError as error:
            self.trouble = error.message
            self._refused_until_s = 0.0 if self._is_forgiven else _now_s() + self._back_off_s
            self._fail(error)
            return False
        began_s = _now_s()
        self.trouble = ""
        self._is_wanted = False
        self._next.set_result(evaluator)
        try:
            await evaluator.lost()
        finally:
            evaluator.fail("it was closed")
            self._removals.start(self._remove(evaluator), "remove traffic light")
        self.restarts += 1
        was_of_use = evaluator.has_answered or _now_s() - began_s >= WELL_AFTER_S
        if not was_of_use:
            self.trouble = evaluator.failure
        return was_of_use

    async def _pause(self, pause_s: float) -> None:
        if self._is_wanted or self._is_forgiven:
            return
        self._woken.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._woken.wait()

    def _fail(self, error: Exception) -> None:
        self._is_wanted = False
        self._next.set_exception(error)
        self._next.exception()  # asyncio would complain of an error that nobody has asked for


def _promise() -> asyncio.Future[Evaluator]:
    return asyncio.get_running_loop().create_future()


def _closed() -> NoAnswerError:
    return NoAnswerError("Closed", "the traffic light is closed")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
