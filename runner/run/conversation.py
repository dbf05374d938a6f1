"""One run's talk with its container: hand over the files, and read until the answer is there.

Each kind of container has a conversation of its own: `WithContainer` for one that serves a single
run, `WithCell` for one that gives each run a cell.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

from pool import ContainerEngine, ContainerSpec, EngineError, Lease, Stream
from runner.cells.stream import CellStream
from runner.container.answer import Frame, UnreadableError
from runner.container.hand_over import hand_over, hand_over_to_cell, takes_long
from runner.kata import Code, Kata

# After the learner's limit: a second between TERM and KILL, then the harvest.
GRACE_S = 1.0
HARVEST_S = 4.0


@dataclass(frozen=True)
class Answer:
    """What a container answered: its tar archives, or a code and the reason why there are none.

    `is_cut`: the end of the archives is missing, as they were too large to be read.
    """

    archives: bytes = b""
    is_cut: bool = False
    timed_out: bool = False
    failure: Code | None = None
    reason: str = ""


class Conversation(Protocol):
    """One run's talk with its container."""

    async def answer(self, kata: Kata, deadline_s: float) -> Answer:
        """Hand over, and wait for the answer until that time of the loop's clock.

        Raises EngineError when the files cannot be handed over.
        """


def conversation(spec: ContainerSpec, lease: Lease, engine: ContainerEngine) -> Conversation:
    """The one for this kind of container."""
    return WithCell(lease) if spec.reusable else WithContainer(lease, engine)


def worst_s(kata: Kata) -> float:
    """From hand-over to the answer, if the program uses all of its time."""
    return kata.max_seconds + GRACE_S + HARVEST_S


class WithContainer:
    """A container that serves this run only."""

    def __init__(self, lease: Lease, engine: ContainerEngine) -> None:
        self._lease = lease
        self._engine = engine

    async def answer(self, kata: Kata, deadline_s: float) -> Answer:
        """See Conversation. When the container has ended, the reason holds its last words."""
        nonce = secrets.token_hex(16)
        stream = self._lease.stream
        pack = partial(hand_over, nonce=nonce)
        answer = await _converse(kata, stream, pack, _Framed(stream, nonce), deadline_s)
        if answer.failure is Code.MACHINERY_FAILED:
            return replace(answer, reason=await self._last_words())
        return answer

    async def _last_words(self) -> str:
        try:
            ended = await self._engine.last_words(self._lease.container_id)
        except EngineError as error:
            ended = error.message
        words = (self._lease.stream.complaints, f"no answer; the container is {ended}")
        return "; ".join(word for word in words if word)


class WithCell:
    """A container that serves many runs, each in a cell.

    The container can serve again once its next cell waits, which is seen to after the lease. What
    it complained of may be of an earlier run, so only the launcher's own words are told.
    """

    def __init__(self, lease: Lease) -> None:
        self._lease = lease
        self._cell = CellStream(lease.stream)

    async def answer(self, kata: Kata, deadline_s: float) -> Answer:
        """See Conversation."""
        cell = self._cell
        answer = await _converse(kata, self._lease.stream, hand_over_to_cell, cell, deadline_s)
        is_whole = answer.failure is None and not answer.is_cut
        if cell.unfit or is_whole:
            self._lease.reset = cell.next_cell
        if answer.failure is Code.MACHINERY_FAILED:
            return replace(answer, reason=f"no answer: {cell.unfit or 'the cell ended'}")
        return answer


class _Incoming(Protocol):
    """An answer on its way; see Frame and CellStream."""

    @property
    def is_complete(self) -> bool: ...

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
        """Wait for more of the answer. False when no more will come. Raises UnreadableError."""
        data = await self._stream.read()
        self.feed(data)
        return bool(data)


async def _converse(
    kata: Kata,
    stream: Stream,
    pack: Callable[[Kata], bytes],
    incoming: _Incoming,
    deadline_s: float,
) -> Answer:
    """Hand over, and read until the answer is there, no more will come or the time is up."""
    if takes_long(kata):
        packed = await asyncio.to_thread(pack, kata)
    else:
        packed = pack(kata)
    await stream.write(packed)
    answer_by_s = asyncio.get_running_loop().time() + worst_s(kata)
    try:
        async with asyncio.timeout_at(min(answer_by_s, deadline_s)):
            while not incoming.is_complete and not incoming.is_too_large:
                if not await incoming.receive():
                    return Answer(failure=Code.MACHINERY_FAILED)
    except TimeoutError:
        reason = f"no answer soon after {kata.max_seconds:g} s; the container was killed"
        return Answer(failure=Code.TIMED_OUT, reason=reason)
    except UnreadableError as error:
        return Answer(failure=Code.OUTPUT_UNREADABLE, reason=str(error))
    return Answer(
        incoming.archives(), is_cut=not incoming.is_complete, timed_out=incoming.timed_out
    )
