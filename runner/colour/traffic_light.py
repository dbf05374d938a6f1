"""Asks real Ruby, in a container of its own, for the colour of a run and for hidden file names.

The daemon evaluates nothing itself. traffic_light.rb is the other end, and tells the form of the
frames.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from loguru import logger

from pool import (
    BackOff,
    ContainerEngine,
    EngineError,
    ImageEngine,
    ImageMissingError,
    Supervisor,
    Tasks,
)
from runner.colour.evaluator import Evaluator, LostError
from runner.colour.lockdown import spec_for
from runner.colour.questions import (
    Answer,
    BadPatternError,
    Colour,
    ColourFault,
    NoAnswerError,
)

LIMIT_S = 1.0  # of a lambda; they take a millisecond
MARGIN_S = 1.0  # for the way there and back: past this it is the evaluator that failed
QUESTION_S = 5.0  # everything: a place in the queue, a start, and being asked twice
BACK_OFF_S = 2.0  # between a failed start and the next
LONGEST_BACK_OFF_S = 60.0  # while nobody asks: each time twice as long, up to this

OPEN_QUESTIONS = 4  # WORKERS in traffic_light.rb: what is written there is answered at once
QUESTION_BYTES = 4 * 1024 * 1024

_CALLING = "exception when calling lambda source"


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
        supervisor: Supervisor,
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
        self._start: asyncio.Task[Evaluator] | None = None
        self._try_again_at_s = 0.0
        self._unasked = BackOff(back_off_s, LONGEST_BACK_OFF_S)
        self._retry: asyncio.TimerHandle | None = None
        self._missing_was_said = False
        self._tasks = Tasks(supervisor)
        self._closed = False

    def start(self) -> None:
        """Begin to start the container, in the background. Twice is harmless."""
        if self._start is None and not self._closed:
            self._start = self._tasks.start(
                self._start_evaluator(), "start traffic light", expected=EngineError
            )

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
        await self._tasks.finish()

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

    async def _ask(self, kind: str, question: Mapping[str, Any]) -> Answer:
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

    async def _ask_twice(self, kind: str, body: bytes) -> Answer:
        reason = ""
        for _ in range(2):
            evaluator = await self._evaluator()
            try:
                return await evaluator.ask(kind, body)
            except LostError as error:
                reason = str(error)
        raise NoAnswerError("EvaluatorError", f"the evaluator failed twice: {reason}")

    async def _evaluator(self) -> Evaluator:
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

    async def _start_evaluator(self) -> Evaluator:
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
            self._retry = loop.call_later(self._unasked.failed(), self._start_again)
            # Any other failure is reported where it happened.
            if isinstance(error, ImageMissingError) and not self._missing_was_said:
                self._missing_was_said = True
                logger.bind(image=self._image_name).error("no colours: {}", error.message)
            raise
        self._missing_was_said = False
        self._unasked.succeeded()
        return Evaluator(started, self._limit_s + MARGIN_S, self._replace, self._tasks)

    def _replace(self, evaluator: Evaluator, reason: str) -> None:
        self._tasks.start(self._remove(evaluator, reason), "remove traffic light")
        self._start = None
        # One that never answered would not do better now; the next question tries.
        if evaluator.has_answered:
            self.start()

    async def _remove(self, evaluator: Evaluator, reason: str) -> None:
        if not self._closed:
            words = [reason, evaluator.complaints]
            with suppress(EngineError):
                words.append(await self._containers.last_words(evaluator.container_id))
            said = "; ".join(word for word in words if word)
            logger.bind(image=self._image_name).warning("traffic light replaced: {}", said)
        await evaluator.close()
        with suppress(EngineError):  # reported where it failed
            await self._containers.remove(evaluator.container_id)
