"""The container in which Ruby answers the traffic light's questions, as the daemon sees it."""

import asyncio
import itertools

from pool import EngineError, Started, Tasks
from runner.colour.frames import Frames
from runner.colour.questions import Answer, fits
from runner.engine.words import words_for_clients


class LostError(Exception):
    """The evaluator failed while it was asked."""


class Evaluator:
    """One container, and the questions that are open there."""

    def __init__(self, started: Started, answer_s: float, tasks: Tasks) -> None:
        self.container_id = started.container_id
        self.has_answered = False
        self._stream = started.stream
        self._answer_s = answer_s
        self.failure = ""  # the reason why the evaluator is lost; empty as long as it is not
        self._is_lost = asyncio.Event()
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[Answer | None]] = {}
        self._reader = tasks.start(self._read_on(), "read traffic light")

    @property
    def is_lost(self) -> bool:
        """Whether the evaluator failed, or `fail` was called."""
        return self._is_lost.is_set()

    async def lost(self) -> None:
        """Wait until the evaluator is lost."""
        await self._is_lost.wait()

    @property
    def complaints(self) -> str:
        """The text that the container printed to stderr."""
        return self._stream.complaints

    async def ask(self, kind: str, body: bytes) -> Answer:
        """The answer to a question. Raises LostError when it is late or the evaluator fails."""
        if self.is_lost:
            raise LostError(self.failure)
        number = next(self._numbers)
        waiting: asyncio.Future[Answer | None] = asyncio.get_running_loop().create_future()
        self._open[number] = waiting
        try:
            async with asyncio.timeout(self._answer_s):
                # One write, so that no other question can be written in between.
                await self._stream.write(b"%d %s %d\n%s" % (number, kind.encode(), len(body), body))
                answer = await waiting
        except TimeoutError:
            self.fail(f"no answer within {self._answer_s:g} s")
            raise LostError(self.failure) from None
        except EngineError as error:
            self.fail(words_for_clients(error))  # reported
            raise LostError(self.failure) from error
        finally:
            del self._open[number]
        if answer is not None and not fits(kind, answer):
            self.fail(f"it answered {answer!r:.200} to a question for {kind}")
            answer = None
        if answer is None:
            raise LostError(self.failure)
        self.has_answered = True
        return answer

    def fail(self, reason: str) -> None:
        """Fail every open question for this reason. A second call does not change the reason."""
        if self.is_lost:
            return
        self.failure = reason
        self._is_lost.set()
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_result(None)

    async def close(self) -> None:
        """Close the connection. The owner of the container has to remove it."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._stream.close()

    async def _read_on(self) -> None:
        """Hand out answers until the stream ends. Then the questions that are open fail."""
        frames = Frames()
        reason = "its reader failed"
        try:
            while data := await self._stream.read():
                for number, answer in frames.feed(data):
                    waiting = self._open.get(number)  # None: the caller was cancelled
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
            reason = "its stream ended"
        except ValueError as error:
            reason = f"unreadable answer: {error}"
        finally:
            self.fail(reason)
