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

from pool import ContainerEngine, EngineError, ImageEngine, ImageMissingError, Supervisor, Tasks
from runner.colour.evaluator import Evaluator, LostError
from runner.colour.keeper import Keeper
from runner.colour.lockdown import PLACES, spec_for
from runner.colour.questions import (
    Answer,
    BadPatternError,
    Colour,
    ColourFault,
    NoAnswerError,
)
from runner.engine.words import words_for_clients
from runner.threads import in_turn

LIMIT_S = 1.0  # of a lambda; they take a millisecond
MARGIN_S = 1.0  # for the way there and back; when it is over, the evaluator has failed
QUESTION_S = 5.0  # for a question in all: its place in the queue, a start, and a second try
BACK_OFF_S = 2.0  # between a failed start and the next

QUESTION_BYTES = 4 * 1024 * 1024
# The JSON of up to so many characters is written within a millisecond, and of more in a thread.
_FEW_CHARACTERS = 64 * 1024

_CALLING = "exception when calling lambda source"


class TrafficLight:
    """Has a container with Ruby answer; one that fails is replaced, and asked its questions again.

    At most `places` questions are open at once, and a process in the container waits for each of
    them. Further questions wait for a place. A question takes no longer than QUESTION_S in all, and
    may be cancelled at any time. Must be made in a running loop.
    """

    def __init__(
        self,
        containers: ContainerEngine,
        images: ImageEngine,
        image_name: str,
        labels: Mapping[str, str],
        supervisor: Supervisor,
        *,
        places: int = PLACES,
        limit_s: float = LIMIT_S,
        back_off_s: float = BACK_OFF_S,
    ) -> None:
        self._containers = containers
        self._images = images
        self._image_name = image_name
        self._labels = dict(labels)
        self._places = places
        self._limit_s = limit_s
        self._free_places = asyncio.Semaphore(places)
        self._readers = Tasks(supervisor)
        self._keeper = Keeper(
            self._start_evaluator, self._remove, supervisor, back_off_s=back_off_s
        )
        self._missing_was_said = False
        self._present: set[str] = set()  # containers that are started and not removed
        self._closed = False

    def start(self) -> None:
        """Begin to start the container, in the background. A second call is harmless."""
        self._keeper.begin()

    def try_now(self) -> None:
        """Tell that the engine is back or its images changed, so a start may work now."""
        self._keeper.try_now()

    @property
    def restarts(self) -> int:
        """How many containers were lost, each of which is replaced."""
        return self._keeper.restarts

    @property
    def trouble(self) -> str:
        """Why no colour can be told now; empty when all is well, and at the first start."""
        return self._keeper.trouble

    def holds(self, container_id: str) -> bool:
        """Whether the container is one of this traffic light."""
        return container_id in self._present

    async def close(self) -> None:
        """Remove the container; open questions get no answer. A second call is harmless."""
        self._closed = True
        await self._keeper.close()
        await self._readers.finish()

    async def colour(
        self, source: str, stdout: str, stderr: str, status: str
    ) -> Colour | ColourFault:
        """The lambda's colour. If anything goes wrong, a fault is returned, and nothing raised."""
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
        if len(set(answer)) != len(answer) or not all(index < len(names) for index in answer):
            raise NoAnswerError("NoAnswer", "the answer has an index of no name, or one twice")
        return frozenset(names[index] for index in answer)

    async def _ask(self, kind: str, question: Mapping[str, Any]) -> Answer:
        body = await _body_of(question)
        try:
            async with asyncio.timeout(QUESTION_S), self._free_places:
                return await self._ask_twice(kind, body)
        except TimeoutError as error:
            raise NoAnswerError("Timeout", f"no answer within {QUESTION_S:g} s") from error
        except EngineError as error:
            raise NoAnswerError("EngineError", words_for_clients(error)) from error

    async def _ask_twice(self, kind: str, body: bytes) -> Answer:
        reason = ""
        for _ in range(2):
            evaluator = await self._keeper.evaluator()
            try:
                return await evaluator.ask(kind, body)
            except LostError as error:
                reason = str(error)
        raise NoAnswerError("EvaluatorError", f"the evaluator failed twice: {reason}")

    async def _start_evaluator(self) -> Evaluator:
        try:
            image = await self._images.image(self._image_name)
            spec = spec_for(
                self._image_name, image.image_id, self._limit_s, self._labels, places=self._places
            )
            started = await self._containers.start(spec)
        except ImageMissingError as error:
            # Every other failure is reported where it happens.
            if not self._missing_was_said:
                self._missing_was_said = True
                logger.bind(image=self._image_name).error("no colours: {}", error.message)
            raise
        self._missing_was_said = False
        self._present.add(started.container_id)
        return Evaluator(started, self._limit_s + MARGIN_S, self._readers)

    async def _remove(self, evaluator: Evaluator) -> None:
        if not self._closed:
            words = [evaluator.failure, evaluator.complaints]
            with suppress(EngineError):
                words.append(await self._containers.last_words(evaluator.container_id))
            said = "; ".join(word for word in words if word)
            logger.bind(image=self._image_name).warning("traffic light replaced: {}", said)
        await evaluator.close()
        self._present.discard(evaluator.container_id)
        with suppress(EngineError):  # reported where it failed; the sweep will remove it
            await self._containers.remove(evaluator.container_id)


async def _body_of(question: Mapping[str, Any]) -> bytes:
    """The question as JSON. Raises NoAnswerError if it is too large."""
    characters = _characters_in(question)
    if characters > QUESTION_BYTES:  # each of them has a byte or more
        raise _too_large(characters)
    few = characters <= _FEW_CHARACTERS
    body = _as_json(question) if few else await in_turn(_as_json, question)
    if len(body) > QUESTION_BYTES:
        raise _too_large(len(body))
    return body


def _too_large(size_bytes: int) -> NoAnswerError:
    return NoAnswerError("TooLarge", f"{size_bytes} bytes; the limit is {QUESTION_BYTES}")


def _characters_in(question: Mapping[str, Any]) -> int:
    """How many characters a question has: its values are texts, and lists of texts."""
    texts = ([value] if isinstance(value, str) else value for value in question.values())
    return sum(len(text) for some in texts for text in some)


def _as_json(question: Mapping[str, Any]) -> bytes:
    return json.dumps(question, ensure_ascii=False).encode(errors="replace")
