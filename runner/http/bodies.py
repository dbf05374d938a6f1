"""Bodies of requests: how they are read, and how much memory all of them may take together."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

from aiohttp import web

from runner.http.errors import RequestError
from runner.threads import in_turn

# A body of this size costs less than its connection, so it is not counted.
FREE_BYTES = 64 * 1024
# The bytes of memory that a request takes, at its worst moment, for each byte of its body: 4 for
# the texts (if a long text has one character beyond the BMP), and 1 each for the file that is being
# packed, for what is packed already, and for the piece that is being written.
COST = 7
# A body that has its share of the memory must come at this rate, so that others get it soon.
SLOWEST_BYTES_PER_S = 1024 * 1024
GRACE_S = 2.0
LONGEST_WAIT_S = 5.0
MOST_WAITING = 50

_P = ParamSpec("_P")
_T = TypeVar("_T")


class Bodies:
    """The memory of all bodies that are read or held.

    Requests get memory in the order in which they come. But a body that fits does not wait for a
    larger one that does not fit, because learners' bodies are small. A body that is larger than the
    whole budget gets all of it, and has it alone.
    """

    def __init__(self, budget_bytes: int) -> None:
        self.taken_bytes = 0
        self._budget_bytes = budget_bytes
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """A request's share, which is empty at first. At the end of the block it becomes free."""
        share = Share(self)
        try:
            yield share
        finally:
            self.change(-share.taken_bytes)

    async def aside(
        self, size_bytes: int, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Do some work on a body of this size, for a large one in a thread; return the result."""
        if size_bytes <= FREE_BYTES:
            return work(*args, **kwargs)
        return await in_turn(work, *args, **kwargs)

    async def take(self, size_bytes: int) -> None:
        """Wait until there is room for so many bytes, and take them. Raises RequestError."""
        if self._fits(size_bytes):
            self.taken_bytes += size_bytes
            return
        if len(self._waiting) >= MOST_WAITING:
            raise _no_room()
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size_bytes, turn))
        try:
            async with asyncio.timeout(LONGEST_WAIT_S):
                await turn
        except BaseException as error:
            self._give_up(size_bytes, turn)
            if isinstance(error, TimeoutError):
                raise _no_room() from error
            raise

    def _give_up(self, size_bytes: int, turn: asyncio.Future[None]) -> None:
        if turn.cancelled():
            self._waiting.remove((size_bytes, turn))
        else:  # the request's turn came in this very moment
            self.change(-size_bytes)

    def change(self, more_bytes: int) -> None:
        """Take more without waiting, or free some, so that waiting requests that fit get theirs."""
        self.taken_bytes += more_bytes
        still_waiting: deque[tuple[int, asyncio.Future[None]]] = deque()
        for size_bytes, turn in self._waiting:
            if turn.done() or not self._fits(size_bytes):
                still_waiting.append((size_bytes, turn))
            else:
                self.taken_bytes += size_bytes
                turn.set_result(None)
        self._waiting = still_waiting

    def _fits(self, size_bytes: int) -> bool:
        return not self.taken_bytes or self.taken_bytes + size_bytes <= self._budget_bytes


class Share:
    """The part of the memory for all bodies that one request has."""

    def __init__(self, bodies: Bodies) -> None:
        self.taken_bytes = 0
        self._bodies = bodies

    async def take_for(self, body_bytes: int) -> None:
        """Take enough for a body of at most this size. To be called once. Raises RequestError."""
        needed_bytes = COST * body_bytes
        await self._bodies.take(needed_bytes)
        self.taken_bytes = needed_bytes

    def keep_for(self, body_bytes: int) -> None:
        """Correct the share: the body turned out to be of this size."""
        needed_bytes = min(self.taken_bytes, COST * body_bytes)
        self._bodies.change(needed_bytes - self.taken_bytes)
        self.taken_bytes = needed_bytes


def _no_room() -> RequestError:
    return RequestError(503, "body: too many large ones at once")


class Body:
    """One body while it is read; `text` is what has come so far.

    `may_grow` is awaited before more than FREE_BYTES are read. It may raise RequestError.
    """

    def __init__(self, request: web.Request, share: Share, limit_bytes: int, read_s: float) -> None:
        self.text = bytearray()
        self._request = request
        self._share = share
        self._limit_bytes = limit_bytes
        self._read_s = read_s

    async def read(self, may_grow: Callable[[], None] = lambda: None) -> None:
        """Read the whole body, at most so many bytes, within the settings' time.

        Raises RequestError.
        """
        request = self._request
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise RequestError(415, "Content-Encoding: send the body as it is")
        if (request.content_length or 0) > self._limit_bytes:
            raise self._too_large()
        if request.content.at_eof():
            return
        until_s = asyncio.get_running_loop().time() + self._read_s
        try:
            async with asyncio.timeout_at(until_s) as limit:
                await self._read_up_to(min(FREE_BYTES, self._limit_bytes))
                if FREE_BYTES < len(self.text) <= self._limit_bytes:
                    may_grow()
                    most_bytes = request.content_length or self._limit_bytes
                    await self._share.take_for(most_bytes)
                    limit.reschedule(min(until_s, _soon(most_bytes)))
                    await self._read_up_to(self._limit_bytes)
        except TimeoutError as error:
            raise RequestError(408, "body: did not arrive in time") from error
        except ConnectionError as error:
            raise RequestError(400, "body: the connection was lost") from error
        if len(self.text) > self._limit_bytes:
            raise self._too_large()
        self._share.keep_for(len(self.text))

    def forget_all_but(self, size_bytes: int) -> None:
        """Drop the bytes after the first `size_bytes`."""
        del self.text[size_bytes:]

    async def _read_up_to(self, size_bytes: int) -> None:
        """Read to the end, or a little more than so many bytes."""
        while len(self.text) <= size_bytes:
            piece = await self._request.content.readany()
            if not piece:
                return
            self.text += piece

    def _too_large(self) -> RequestError:
        return RequestError(413, f"body: over the limit of {self._limit_bytes} bytes")


def _soon(size_bytes: int) -> float:
    return asyncio.get_running_loop().time() + GRACE_S + size_bytes / SLOWEST_BYTES_PER_S
