"""Asks real Ruby, in a container of its own, for the colour of a run and for hidden file names.

The daemon evaluates nothing itself. in_container/traffic_light.rb is the other end, and tells the
form of the frames.
"""

import asyncio
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from loguru import logger

from pool import (
    ContainerEngine,
    ContainerSpec,
    EngineError,
    ImageEngine,
    ImageMissingError,
    Started,
)
from runner.scripts import script

LIMIT_S = 1.0  # of a lambda; they take a millisecond
MARGIN_S = 1.0  # for the way there and back: past this it is the evaluator that failed
QUESTION_S = 5.0  # everything: a place in the queue, a start, and being asked twice
BACK_OFF_S = 2.0  # between a failed start and the next
LONGEST_BACK_OFF_S = 60.0  # while nobody asks: each time twice as long, up to this

OPEN_QUESTIONS = 4  # WORKERS in traffic_light.rb: what is written there is answered at once
QUESTION_BYTES = 4 * 1024 * 1024
_ANSWER_BYTES = 2 * 1024 * 1024
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,7})\n")
_HEADER_BYTES = 32

_READY_MARK = b"dojo-runner traffic light ready\n"
_CALLING = "exception when calling lambda source"


class Colour(StrEnum):
    """What a lambda may answer."""

    RED = "red"
    AMBER = "amber"
    GREEN = "green"


@dataclass(frozen=True)
class ColourFault:
    """Why there is no colour: what was being done, and the class and the words of what happened.

    A class that is none of Ruby's (Timeout, NoAnswer, TooLarge, EvaluatorError, EngineError,
    Closed) says that it was not the lambda that spoke.
    """

    context: str
    class_: str
    message: str


class BadPatternError(Exception):
    """The pattern at `index` is no regular expression; `message` is Ruby's."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


class NoAnswerError(Exception):
    """The question took too long, or the evaluator failed; see ColourFault for `class_`."""

    def __init__(self, class_: str, message: str) -> None:
        super().__init__(message)
        self.class_ = class_
        self.message = message


_Answer = Colour | ColourFault | BadPatternError | list[int]  # indexes of hidden names


def spec_for(
    image_name: str, image_id: str, limit_s: float, labels: Mapping[str, str]
) -> ContainerSpec:
    """The evaluator's container; traffic_light.rb limits each lambda further."""
    return ContainerSpec(
        image=image_name,
        image_id=image_id,
        command=("ruby", "-e", script("traffic_light.rb"), str(limit_s)),
        ready_mark=_READY_MARK,
        # Only root may give each lambda's process a user id of its own; this takes two
        # capabilities, and nothing else of root's is left.
        user="0:0",
        cap_drop=("ALL",),
        cap_add=("SETUID", "SETGID"),
        labels=labels,
        hostname="traffic-light",
        # No lambda can leave anything for the next one: there is nowhere to write.
        read_only=True,
        # The engine's own is writable for everybody.
        tmpfs={"/dev/shm": "ro,nosuid,nodev,noexec,size=4k,mode=755"},  # noqa: S108 - not ours
        # One greedy lambda (192 MiB) beside the evaluator itself (20 MiB); of more at once some
        # are killed, and the evaluator never is.
        memory_bytes=256 * 1024 * 1024,
        # 6 cells of 9 processes and 10 of ours: fork bombs in all cells leave room to end them.
        pids=96,
        # A setuid program of the image gives no lambda another user's rights.
        security_opt=("no-new-privileges",),
        # A lambda has nobody to talk to.
        network="none",
        # Reaps what lambdas leave behind, and cannot be killed from inside.
        init=True,
    )


class TrafficLight:
    """Answers by a warm container; one that fails is replaced, and its open questions asked again.

    A question is never open for longer than QUESTION_S, and may be cancelled at any time.
    """

    def __init__(
        self,
        containers: ContainerEngine,
        images: ImageEngine,
        image_name: str,
        labels: Mapping[str, str],
        *,
        limit_s: float = LIMIT_S,
        back_off_s: float = BACK_OFF_S,
    ) -> None:
        self._containers = containers
        self._images = images
        self._image_name = image_name
        self._labels = dict(labels)
        self._limit_s = limit_s
        self._back_off_s = back_off_s
        self._places = asyncio.Semaphore(OPEN_QUESTIONS)
        self._start: asyncio.Task[_Evaluator] | None = None
        self._try_again_at_s = 0.0
        self._pause_s = back_off_s
        self._retry: asyncio.TimerHandle | None = None
        self._missing_was_said = False
        self._removals: set[asyncio.Task[None]] = set()
        self._closed = False

    def start(self) -> None:
        """Begin to start the container, in the background. Twice is harmless."""
        if self._start is None and not self._closed:
            self._start = asyncio.create_task(self._start_evaluator(), name="start traffic light")

    def forgive(self) -> None:
        """The engine is back: a start that failed while it was away may be tried again now."""
        self._try_again_at_s = 0.0

    async def close(self) -> None:
        """Remove the container; open questions get no answer. Twice is harmless."""
        self._closed = True
        if self._retry is not None:
            self._retry.cancel()
        if self._start is not None:
            start, self._start = self._start, None
            start.cancel()
            await asyncio.wait([start])
            if not start.cancelled() and start.exception() is None:
                start.result().give_up("it was closed")
        await asyncio.gather(*self._removals)

    async def colour(
        self, source: str, stdout: str, stderr: str, status: str
    ) -> Colour | ColourFault:
        """What the lambda says; a fault, never an error, whatever happens."""
        question = {"source": source, "stdout": stdout, "stderr": stderr, "status": status}
        try:
            answer = await self._ask("colour", question)
        except NoAnswerError as error:
            return ColourFault(_CALLING, error.class_, error.message)
        assert isinstance(answer, Colour | ColourFault)
        return answer

    async def hidden(self, patterns: Sequence[str], names: Sequence[str]) -> frozenset[str]:
        """The names that one of the patterns, regular expressions of Ruby's, matches somewhere.

        Raises BadPatternError; NoAnswerError, also when a pattern takes too long.
        """
        answer = await self._ask("hidden", {"patterns": list(patterns), "names": list(names)})
        if isinstance(answer, ColourFault):
            raise NoAnswerError(answer.class_, answer.message)
        if isinstance(answer, BadPatternError):
            raise answer
        assert isinstance(answer, list)
        return frozenset(names[index] for index in answer)

    async def _ask(self, kind: str, question: Mapping[str, Any]) -> _Answer:
        body = json.dumps(question, ensure_ascii=False).encode()
        if len(body) > QUESTION_BYTES:
            raise NoAnswerError("TooLarge", f"{len(body)} bytes; the limit is {QUESTION_BYTES}")
        try:
            async with asyncio.timeout(QUESTION_S), self._places:
                return await self._ask_twice(kind, body)
        except TimeoutError as error:
            raise NoAnswerError("Timeout", f"no answer within {QUESTION_S:g} s") from error
        except EngineError as error:
            raise NoAnswerError("EngineError", str(error)) from error

    async def _ask_twice(self, kind: str, body: bytes) -> _Answer:
        reason = ""
        for _ in range(2):
            evaluator = await self._evaluator()
            try:
                return await evaluator.ask(kind, body)
            except _LostError as error:
                reason = str(error)
        raise NoAnswerError("EvaluatorError", f"the evaluator failed twice: {reason}")

    async def _evaluator(self) -> "_Evaluator":
        """The one that runs or is being started; a start that failed is tried again after a while.

        Raises EngineError, the last start's own; NoAnswerError when closed.
        """
        if asyncio.get_running_loop().time() >= self._try_again_at_s:
            self._start_again()
        self.start()
        if (start := self._start) is None:
            raise NoAnswerError("Closed", "the traffic light is closed")
        # Unlike awaiting the task: whoever is cancelled here does not cancel the start.
        await asyncio.wait([start])
        if start.cancelled():
            raise NoAnswerError("Closed", "the traffic light is closed")
        return start.result()

    def _start_again(self) -> None:
        """If the last start failed."""
        start = self._start
        if start is not None and start.done() and not start.cancelled() and start.exception():
            self._start = None
            self.start()

    async def _start_evaluator(self) -> "_Evaluator":
        try:
            image = await self._images.image(self._image_name)
            spec = spec_for(self._image_name, image.image_id, self._limit_s, self._labels)
            started = await self._containers.start(spec)
        except EngineError as error:
            loop = asyncio.get_running_loop()
            self._try_again_at_s = loop.time() + self._back_off_s
            # Unasked, too, so that the next question finds it warm.
            if self._retry is not None:
                self._retry.cancel()
            self._retry = loop.call_later(self._pause_s, self._start_again)
            self._pause_s = min(2 * self._pause_s, LONGEST_BACK_OFF_S)
            # Any other failure is reported where it happened.
            if isinstance(error, ImageMissingError) and not self._missing_was_said:
                self._missing_was_said = True
                logger.bind(image=self._image_name).error("no colours: {}", error.message)
            raise
        self._missing_was_said = False
        self._pause_s = self._back_off_s
        return _Evaluator(started, self._limit_s + MARGIN_S, self._replace)

    def _replace(self, evaluator: "_Evaluator", reason: str) -> None:
        removal = asyncio.create_task(self._remove(evaluator, reason), name="remove traffic light")
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        self._start = None
        # One that never answered would not do better now; the next question tries.
        if evaluator.has_answered:
            self.start()

    async def _remove(self, evaluator: "_Evaluator", reason: str) -> None:
        if not self._closed:
            words = [reason, evaluator.complaints]
            with suppress(EngineError):
                words.append(await self._containers.last_words(evaluator.container_id))
            said = "; ".join(word for word in words if word)
            logger.bind(image=self._image_name).warning("traffic light replaced: {}", said)
        await evaluator.close()
        with suppress(EngineError):  # reported where it failed
            await self._containers.remove(evaluator.container_id)


class _LostError(Exception):
    """The evaluator failed while it was asked."""


class _Evaluator:
    """One container, and the questions that are open there; tells `lost`, once, that it failed."""

    def __init__(
        self, started: Started, answer_s: float, lost: Callable[["_Evaluator", str], None]
    ) -> None:
        self.container_id = started.container_id
        self.has_answered = False
        self._stream = started.stream
        self._answer_s = answer_s
        self._lost = lost
        self._failure = ""
        self._numbers = itertools.count(1)
        self._open: dict[int, asyncio.Future[_Answer | None]] = {}
        self._reader = asyncio.create_task(self._read_on(), name="read traffic light")

    @property
    def complaints(self) -> str:
        """What it printed to stderr."""
        return self._stream.complaints

    async def ask(self, kind: str, body: bytes) -> _Answer:
        """Raises _LostError when there is no answer in time, or the evaluator fails meanwhile."""
        if self._failure:
            raise _LostError(self._failure)
        number = next(self._numbers)
        waiting: asyncio.Future[_Answer | None] = asyncio.get_running_loop().create_future()
        self._open[number] = waiting
        try:
            async with asyncio.timeout(self._answer_s):
                # One write, so that no other question can come in between.
                await self._stream.write(b"%d %s %d\n%s" % (number, kind.encode(), len(body), body))
                answer = await waiting
        except TimeoutError:
            self.give_up(f"no answer within {self._answer_s:g} s")
            raise _LostError(self._failure) from None
        except EngineError as error:
            self.give_up(str(error))
            raise _LostError(self._failure) from error
        finally:
            del self._open[number]
        if answer is None:
            raise _LostError(self._failure)
        self.has_answered = True
        return answer

    def give_up(self, reason: str) -> None:
        """Every open question fails, for this reason. Twice is harmless: the first reason stays."""
        if self._failure:
            return
        self._failure = reason
        for waiting in self._open.values():
            if not waiting.done():
                waiting.set_result(None)
        self._lost(self, reason)

    async def close(self) -> None:
        """Let go of the connection; the container is its owner's to remove."""
        self._reader.cancel()
        await asyncio.wait([self._reader])
        await self._stream.close()

    async def _read_on(self) -> None:
        frames = _Frames()
        try:
            while data := await self._stream.read():
                for number, answer in frames.feed(data):
                    waiting = self._open.get(number)  # none: whoever asked has gone
                    if waiting is not None and not waiting.done():
                        waiting.set_result(answer)
        except ValueError as error:
            self.give_up(f"unreadable answer: {error}")
        else:
            self.give_up("its stream ended")


class _Frames:
    """Answers, out of bytes that come in any pieces."""

    def __init__(self) -> None:
        self._unread = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[int, _Answer]]:
        """The answers that are whole by now, each with its question's number.

        Raises ValueError for what is no frame.
        """
        self._unread += data
        while (header := self._header()) is not None:
            end = header.end() + int(header[2])
            if len(self._unread) < end:
                return
            body = bytes(self._unread[header.end() : end])
            del self._unread[:end]
            yield int(header[1]), _answer_in(body)

    def _header(self) -> re.Match[bytes] | None:
        """None as long as it is not whole."""
        head = bytes(self._unread[:_HEADER_BYTES])
        if b"\n" not in head and len(head) < _HEADER_BYTES:
            return None
        header = _HEADER.match(head)
        if header is None or int(header[2]) > _ANSWER_BYTES:
            raise ValueError(f"{head!r} is no header")
        return header


def _answer_in(body: bytes) -> _Answer:
    match json.loads(body):
        case {"colour": str(colour)}:
            return Colour(colour)
        case {"hidden": list(indexes)}:
            return indexes
        case {"bad_pattern": int(index), "message": str(message)}:
            return BadPatternError(index, message)
        case {"context": str(context), "class": str(class_), "message": str(message)}:
            return ColourFault(context, class_, message)
    raise ValueError(f"{body[:200]!r} is no answer")
