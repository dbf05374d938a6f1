"""Bodies of requests: how they are read, and how much memory all of them may take together.

A body claims memory in steps while it comes: for what has come, and for a little more. So a client
that announces much and sends little holds little, and soon nothing, because each step has to come
within seconds.

Two bodies that each hold memory and wait for more could wait for each other for ever. So before a
step is granted, `Bodies` looks whether all bodies could still be read to their ends, one after the
other: the first with the memory that would then be free, and each further one also with what the
bodies before it would have released. If there is no such order, the step waits. This is Dijkstra's
banker's algorithm. So at least one body can always go on.
"""

import asyncio
import bisect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from aiohttp import web

from runner.http.errors import RequestError
from runner.threads import in_turn

# A body of up to this size costs less than its connection, so it is not counted.
FREE_BYTES = 64 * 1024
# A body claims memory for twice what has come of it, but for at most so many bytes more.
LARGEST_STEP_BYTES = 256 * 1024
# A body of unknown length is assumed to be of this size until more of it has come. If it were
# assumed to be as large as the limit, no other body could be read beside it. A kata with a file of
# 500 kB is smaller than this. Several such bodies may turn out larger at the same time, and hold so
# much that none of them can go on. Then the first of them waits until others have waited for
# LONGEST_WAIT_S, and are refused.
PROBABLE_BYTES = 640 * 1024
# The bytes of memory that a request takes, at its worst moment, for each byte of its body: 4 for
# the texts (if a long text has one character beyond the BMP), and 1 each for the file that is being
# packed, for what is packed already, and for the piece that is being written.
COST = 7
# A body that has a share of the memory must come at this rate, so that others get it soon.
SLOWEST_BYTES_PER_S = 1024 * 1024
GRACE_S = 2.0
LONGEST_WAIT_S = 5.0  # of a body, for all of its steps together
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
        self._budget_bytes = budget_bytes
        self._shares: set[Share] = set()  # the shares that hold some memory
        self._waiting: list[_Claim] = []  # in the order in which their requests came
        self._requests = 0

    @property
    def taken_bytes(self) -> int:
        """The memory that all requests hold together."""
        return sum(share.taken_bytes for share in self._shares)

    @contextmanager
    def share(self) -> Iterator["Share"]:
        """A request's share, which is empty at first. At the end of the block it becomes free."""
        self._requests += 1
        share = Share(self, self._requests)
        try:
            yield share
        finally:
            self._shares.discard(share)
            self.serve_waiting()

    async def aside(
        self, size_bytes: int, work: Callable[_P, _T], *args: _P.args, **kwargs: _P.kwargs
    ) -> _T:
        """Do some work on a body of this size, for a large one in a thread; return the result."""
        if size_bytes <= FREE_BYTES:
            return work(*args, **kwargs)
        return await in_turn(work, *args, **kwargs)

    async def take(self, share: "Share", size_bytes: int, most_bytes: int) -> None:
        """Wait until the share may grow to `size_bytes`, and let it grow. Raises RequestError.

        `most_bytes` is the size to which the share may have to grow later. A share that waits keeps
        what it has. But if its `most_bytes` has become larger, it keeps only what its text takes.
        """
        budget_bytes = self._budget_bytes
        turn = asyncio.get_running_loop().create_future()
        claim = _Claim(share, min(size_bytes, budget_bytes), min(most_bytes, budget_bytes), turn)
        if self._is_safe_after(claim):
            self._grant(claim)
            return
        if len(self._waiting) >= MOST_WAITING:
            raise _no_room()
        bisect.insort(self._waiting, claim, key=lambda one: one.share.number)
        if claim.most_bytes > share.most_bytes:
            share.keep_text()
        try:
            await self._until(claim.turn, share)
        except BaseException:
            # If its turn came in this very moment, the end of the request frees its memory.
            if claim in self._waiting:
                self._waiting.remove(claim)
            raise

    async def _until(self, turn: asyncio.Future[None], share: "Share") -> None:
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        try:
            async with asyncio.timeout(share.may_wait_s):
                await turn
        except TimeoutError as error:
            raise _no_room() from error
        finally:
            share.may_wait_s -= loop.time() - began_s

    def serve_waiting(self) -> None:
        """Grant what can be granted now, because some memory became free."""
        for claim in list(self._waiting):
            if not claim.turn.done() and self._is_safe_after(claim):
                self._waiting.remove(claim)
                self._grant(claim)
                claim.turn.set_result(None)

    def _grant(self, claim: "_Claim") -> None:
        claim.share.taken_bytes, claim.share.most_bytes = claim.size_bytes, claim.most_bytes
        self._shares.add(claim.share)

    def _is_safe_after(self, claim: "_Claim") -> bool:
        """Whether all bodies could then still be read to their ends, in one order or another."""
        states = [(claim.most_bytes - claim.size_bytes, claim.size_bytes)]
        for share in self._shares:
            if share is not claim.share:
                states.append((share.most_bytes - share.taken_bytes, share.taken_bytes))
        free_bytes = self._budget_bytes - sum(taken_bytes for _, taken_bytes in states)
        for missing_bytes, taken_bytes in sorted(states):
            if missing_bytes > free_bytes:
                return False
            free_bytes += taken_bytes
        return True


class Share:
    """The part of the memory for all bodies that one request has."""

    def __init__(self, bodies: Bodies, number: int) -> None:
        self.number = number
        self.taken_bytes = 0
        self.most_bytes = 0
        self.may_wait_s = LONGEST_WAIT_S
        self._bodies = bodies

    async def take_for(self, body_bytes: int, most_bytes: int) -> None:
        """Have enough for the first `body_bytes` of a body that has at most `most_bytes`.

        To be called again, with more, when more comes. Raises RequestError.
        """
        await self._bodies.take(self, COST * body_bytes, COST * most_bytes)

    def keep_for(self, body_bytes: int) -> None:
        """Correct the share: the body turned out to be of this size."""
        self._keep(COST * body_bytes)

    def keep_text(self) -> None:
        """Keep what the text takes while nothing is done with it: a byte for each of its own."""
        self._keep(self.taken_bytes // COST)

    def _keep(self, size_bytes: int) -> None:
        self.taken_bytes = self.most_bytes = min(self.taken_bytes, size_bytes)
        self._bodies.serve_waiting()


@dataclass(frozen=True, eq=False)
class _Claim:
    """The claim of a share to grow to `size_bytes`; `turn` is done when it may."""

    share: Share
    size_bytes: int
    most_bytes: int
    turn: asyncio.Future[None]


def _no_room() -> RequestError:
    return RequestError(503, "body: too many large bodies at once")


class Pace:
    """Tells by when each step of a body must have come: SLOWEST_BYTES_PER_S, at most GRACE_S late.

    A body that came faster than it had to gains no time by that. Otherwise a client could send much
    at once, and then hold it for long.
    """

    def __init__(self, now_s: float) -> None:
        self._late_s = now_s + GRACE_S

    def until_s(self, now_s: float, step_bytes: int, waited_s: float) -> float:
        """The time by which the next step must have come.

        Before that step the body waited for memory for `waited_s`, which does not count.
        """
        self._late_s = min(self._late_s + waited_s, now_s + GRACE_S)
        self._late_s += step_bytes / SLOWEST_BYTES_PER_S
        return self._late_s


class Body:
    """One body while it is read; `text` is what has come so far.

    `may_grow` is called before more than FREE_BYTES are read. It may raise RequestError.
    """

    def __init__(self, request: web.Request, share: Share, limit_bytes: int, read_s: float) -> None:
        self.text = bytearray()
        self._request = request
        self._share = share
        self._limit_bytes = limit_bytes
        self._read_s = read_s

    async def read(self, may_grow: Callable[[], None] = lambda: None) -> None:
        """Read the whole body. Raises RequestError, for example if it is too large or too late."""
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
                is_longer = await self._is_longer_than(min(FREE_BYTES, self._limit_bytes))
                if is_longer and len(self.text) <= self._limit_bytes:
                    may_grow()
                    await self._read_in_steps(limit, until_s)
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

    async def _read_in_steps(self, limit: asyncio.Timeout, until_s: float) -> None:
        """Read the rest, and have memory for each step before it is read."""
        clock = asyncio.get_running_loop().time
        pace = Pace(clock())
        while len(self.text) <= self._limit_bytes:
            size_bytes, most_bytes = self._next_step()
            asked_s = clock()
            limit.reschedule(until_s)
            await self._share.take_for(size_bytes, most_bytes)
            step_bytes = size_bytes - len(self.text)
            step_until_s = pace.until_s(clock(), step_bytes, clock() - asked_s)
            limit.reschedule(min(until_s, step_until_s))
            if not await self._is_longer_than(size_bytes):
                return

    def _next_step(self) -> tuple[int, int]:
        """The size that the body may have after the next step, and at the end."""
        come_bytes = len(self.text)
        most_bytes = self._request.content_length
        if most_bytes is None:
            is_probable = come_bytes < PROBABLE_BYTES
            most_bytes = PROBABLE_BYTES if is_probable else self._limit_bytes
            most_bytes = min(most_bytes, self._limit_bytes)
        return min(2 * come_bytes, come_bytes + LARGEST_STEP_BYTES, most_bytes), most_bytes

    async def _is_longer_than(self, size_bytes: int) -> bool:
        """Read to the end, or a little more than `size_bytes`; tell whether there was more."""
        while len(self.text) <= size_bytes:
            piece = await self._request.content.readany()
            if not piece:
                return False
            self.text += piece
        return True

    def _too_large(self) -> RequestError:
        return RequestError(413, f"body: over the limit of {self._limit_bytes} bytes")
