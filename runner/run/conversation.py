"""One run's talk with its container: hand over the files, and read until the answer is there.

Each kind of container has a conversation of its own: `WithContainer` for one that serves a single
run, `WithCell` for one that gives each run a cell.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from loguru import logger

from pool import ContainerEngine, ContainerSpec, EngineError, Lease, Stream
from runner.cells.stream import CellStream
from runner.container.answer import Frame
from runner.container.hand_over import hand_over, hand_over_to_cell, takes_long
from runner.container.untar import UnreadableError
from runner.container.warm_up import without_warm_up
from runner.engine.words import without_the_host, words_for_clients
from runner.kata import Code, Kata
from runner.run.budget import LAST_MOMENT_S, had_words, limit_s, worst_s
from runner.threads import in_turn

ENGINE_ANSWERS_S = 1.0  # a list of our own containers takes 10 ms
LAST_WORDS_S = 2.0


@dataclass(frozen=True)
class Answer:
    """A container's answer: its tar archives, or a code and the reason why there are none.

    `limit_s` is the time that the program was given. `is_cut`: the end of the archives is missing,
    as they were too large, or came too late, to be read. `sent_bytes` is what was handed over.
    """

    archives: bytes = b""
    limit_s: float = 0.0
    is_cut: bool = False
    timed_out: bool = False
    failure: Code | None = None
    reason: str = ""
    sent_bytes: int = 0

    @property
    def has_ended_by_itself(self) -> bool:
        """Whether the program ended within its time."""
        return self.failure is None and not self.timed_out


MayBeLarge = Callable[[], Awaitable[None]]


class Conversation(Protocol):
    """One run's talk with its container."""

    async def answer(
        self, kata: Kata, deadline_s: float, may_be_large: MayBeLarge, *, usual_s: float = 0.0
    ) -> Answer:
        """Hand over the files, and wait for the answer until that time of the loop's clock.

        To find out why there is no answer may take LAST_MOMENT_S more. `may_be_large` is awaited
        before more than LARGE_ANSWER_BYTES are read. `usual_s` is what programs of this image
        usually take: with less time left the program is not begun. Raises EngineError when the
        files cannot be handed over.
        """


def conversation(spec: ContainerSpec, lease: Lease, engine: ContainerEngine) -> Conversation:
    """The conversation for this kind of container."""
    reached = _Reached(engine, lease.container_id, spec.labels)
    return WithCell(lease, reached) if spec.reusable else WithContainer(lease, engine, reached)


class _Reached:
    """Asks the engine whether a silent container still runs.

    If it does, the learner's program has not ended. If not, the machinery has failed.
    """

    def __init__(
        self, engine: ContainerEngine, container_id: str, labels: Mapping[str, str]
    ) -> None:
        self._engine = engine
        self._container_id = container_id
        self._label = "=".join(next(iter(labels.items()), ("", "")))

    async def by(self, until_s: float) -> bool:
        """Whether the engine says, by that time of the loop's clock, that the container runs."""
        try:
            async with asyncio.timeout_at(until_s):
                found = await self._engine.list_containers(self._label)
        except (TimeoutError, EngineError):  # reported
            return False
        states = {one.container_id: one.state for one in found}
        return states.get(self._container_id) == "running"


class WithContainer:
    """A container that serves this run only."""

    def __init__(self, lease: Lease, engine: ContainerEngine, reached: _Reached) -> None:
        self._lease = lease
        self._engine = engine
        self._reached = reached

    async def answer(
        self, kata: Kata, deadline_s: float, may_be_large: MayBeLarge, *, usual_s: float = 0.0
    ) -> Answer:
        """See Conversation. When the container has ended, the reason holds its last words."""
        nonce = secrets.token_hex(16)
        stream = self._lease.stream
        run = await _hand_over(kata, stream, partial(hand_over, nonce=nonce), deadline_s, usual_s)
        if isinstance(run, Answer):
            return run
        answer = await _answer_to(run, _Framed(stream, nonce), self._reached, may_be_large)
        if answer.failure is Code.MACHINERY_FAILED and not answer.reason:
            return replace(answer, reason=await self._last_words(deadline_s))
        return answer

    async def _last_words(self, deadline_s: float) -> str:
        try:
            async with asyncio.timeout_at(_no_later_than(deadline_s, LAST_WORDS_S)):
                said = await self._engine.last_words(self._lease.container_id)
            ended = without_the_host(said, "gone")
            if ended != said:
                logger.bind(container=self._lease.container_id, reason=said).warning(
                    "a container ended"
                )
        except EngineError as error:  # reported
            ended = words_for_clients(error)
        except TimeoutError:
            ended = "gone, and the engine does not say how"
        words = (
            without_warm_up(self._lease.stream.complaints),
            f"no answer; the container is {ended}",
        )
        return "; ".join(word for word in words if word)


class WithCell:
    """A container that serves many runs, each in a cell.

    The container is warm again when its next cell waits for files; the pool looks after that once
    the lease has ended. What came over its stderr may be of an earlier run, so a client is told
    only what the launcher itself says.
    """

    def __init__(self, lease: Lease, reached: _Reached) -> None:
        self._lease = lease
        self._cell = CellStream(lease.stream)
        self._reached = reached

    async def answer(
        self, kata: Kata, deadline_s: float, may_be_large: MayBeLarge, *, usual_s: float = 0.0
    ) -> Answer:
        """See Conversation."""
        cell = self._cell
        run = await _hand_over(kata, self._lease.stream, hand_over_to_cell, deadline_s, usual_s)
        if isinstance(run, Answer):
            return run
        answer = await _answer_to(run, cell, self._reached, may_be_large)
        is_whole = answer.failure is None and not answer.is_cut
        if cell.unfit or is_whole:
            self._lease.reset = cell.next_cell
        if answer.failure is Code.MACHINERY_FAILED and not answer.reason:
            return replace(answer, reason=f"no answer: {cell.unfit or 'the cell ended'}")
        return answer


class _Incoming(Protocol):
    """An answer on its way; see Frame and CellStream."""

    @property
    def has_begun(self) -> bool: ...

    @property
    def is_complete(self) -> bool: ...

    @property
    def is_large(self) -> bool: ...

    @property
    def is_too_large(self) -> bool: ...

    @property
    def timed_out(self) -> bool: ...

    def archives(self) -> bytes: ...

    async def receive(self) -> bool: ...


class _Framed(Frame):
    """A frame that is read from a stream."""

    def __init__(self, stream: Stream, nonce: str) -> None:
        super().__init__(nonce)
        self._stream = stream

    async def receive(self) -> bool:
        """Wait for more of the answer; False if no more will come. Raises UnreadableError."""
        data = await self._stream.read()
        self.feed(data)
        return bool(data)


@dataclass(frozen=True)
class _HandedOver:
    """A kata whose files a container has got, and the times that hold for its answer.

    `since_s` and `deadline_s` (of the request) are times of the loop's clock. `limit_s` is the
    program's limit, and `asked_s` the limit that the kata asks for, which may be longer.
    """

    since_s: float
    limit_s: float
    asked_s: float
    deadline_s: float
    sent_bytes: int


async def _hand_over(
    kata: Kata, stream: Stream, pack: Callable[[Kata], bytes], deadline_s: float, usual_s: float
) -> _HandedOver | Answer:
    """Hand over the files. If no time is left for a program, return the answer that says so.

    Raises EngineError.
    """
    clock = asyncio.get_running_loop().time
    limit = limit_s(kata.max_seconds, deadline_s - clock(), usual_s)
    if limit is None:
        return _no_answer("no container was ready in time")
    try:
        async with asyncio.timeout_at(deadline_s):
            packed = await _packed(replace(kata, max_seconds=limit), pack)
            await stream.write(packed)
    except TimeoutError:
        return _no_answer("the files could not be handed over in time")
    return _HandedOver(clock(), limit, kata.max_seconds, deadline_s, len(packed))


async def _packed(kata: Kata, pack: Callable[[Kata], bytes]) -> bytes:
    if takes_long(kata):
        return await in_turn(pack, kata)
    return pack(kata)


async def _answer_to(
    run: _HandedOver, incoming: _Incoming, reached: _Reached, may_be_large: MayBeLarge
) -> Answer:
    answer = await _converse(run, incoming, reached, may_be_large)
    return replace(answer, sent_bytes=run.sent_bytes)


async def _converse(
    run: _HandedOver, incoming: _Incoming, reached: _Reached, may_be_large: MayBeLarge
) -> Answer:
    """Read until the answer is there, no more will come or the time is up."""
    try:
        async with asyncio.timeout_at(min(run.since_s + worst_s(run.limit_s), run.deadline_s)):
            while not incoming.is_complete and not incoming.is_too_large:
                was_large = incoming.is_large
                if not await incoming.receive():
                    return Answer(failure=Code.MACHINERY_FAILED)
                if incoming.is_large and not was_large:
                    await may_be_large()
    except TimeoutError:
        if not incoming.has_begun:
            return await _silence(run, reached)
    except UnreadableError as error:
        return Answer(failure=Code.OUTPUT_UNREADABLE, reason=str(error))
    return Answer(
        incoming.archives(),
        run.limit_s,
        is_cut=not incoming.is_complete,
        timed_out=incoming.timed_out,
    )


async def _silence(run: _HandedOver, reached: _Reached) -> Answer:
    """The answer when not a byte has come: a time-out only if the program has had its time."""
    if asyncio.get_running_loop().time() < run.since_s + run.limit_s:
        return _no_answer("no answer within the time for a request")
    if not await reached.by(_no_later_than(run.deadline_s, ENGINE_ANSWERS_S)):
        return _no_answer("no answer: the container, or its engine, cannot be reached")
    had = had_words(run.limit_s, run.asked_s)
    reason = f"no answer soon after {had}; the container was killed"
    return Answer(failure=Code.TIMED_OUT, limit_s=run.limit_s, reason=reason)


def _no_answer(reason: str) -> Answer:
    return Answer(failure=Code.MACHINERY_FAILED, reason=reason)


def _no_later_than(deadline_s: float, wait_s: float) -> float:
    return min(asyncio.get_running_loop().time() + wait_s, deadline_s + LAST_MOMENT_S)
