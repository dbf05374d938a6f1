"""The siblings' own health, fetched while somebody watches the live page."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import aiohttp

from runner.operators.replica_view import ReplicaView, UnreadableHealthError, view_in

EVERY_S = 2.0
ANSWERS_WITHIN_S = 1.5
AT_ONCE = 4
LARGEST_BYTES = 1024 * 1024  # the health of 1,000 images
LONGEST_TROUBLE = 200
BAD_RUNS = "bad_runs"  # the query for which /health has this field beside its usual ones


@dataclass(frozen=True)
class Neighbour:
    """One sibling: its latest health, when that came, and why there is no newer one.

    Until the first has come, `health` is None, and `at_s` (of a monotonic clock) means nothing.
    `trouble` is empty as long as the sibling answers.
    """

    health: ReplicaView | None = None
    at_s: float = 0.0
    trouble: str = ""


class Neighbours:
    """The siblings at `addresses`, each `host:port`; asked for anew in each round."""

    def __init__(self, addresses: Callable[[], Iterable[str]]) -> None:
        self._addresses = addresses
        self._places = asyncio.Semaphore(AT_ONCE)
        self._http: aiohttp.ClientSession | None = None
        self._by_address: dict[str, Neighbour] = {}

    @property
    def by_address(self) -> Mapping[str, Neighbour]:
        """Each sibling that was asked so far, by its address."""
        return self._by_address

    async def look(self) -> None:
        """Ask all siblings once, a few at a time."""
        addresses = list(self._addresses())
        self._by_address = {
            address: self._by_address.get(address, Neighbour()) for address in addresses
        }
        await asyncio.gather(*map(self._ask, addresses))

    async def close(self) -> None:
        """Close the connections. Twice is harmless."""
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    async def _ask(self, address: str) -> None:
        known = self._by_address[address]
        try:
            async with self._places, asyncio.timeout(ANSWERS_WITHIN_S):
                health = view_in(await self._answer(address))
        except TimeoutError:
            trouble = f"no answer within {ANSWERS_WITHIN_S:g} s"
        except (aiohttp.ClientError, OSError, UnreadableHealthError, ValueError) as error:
            trouble = _words_for(error)
        else:
            self._by_address[address] = Neighbour(health, time.monotonic())
            return
        trouble = trouble[:LONGEST_TROUBLE]
        self._by_address[address] = Neighbour(known.health, known.at_s, trouble)

    async def _answer(self, address: str) -> bytes:
        """A sibling's health. Raises aiohttp.ClientError, TimeoutError, UnreadableHealthError."""
        host, _, port = address.rpartition(":")
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}/health?{BAD_RUNS}"
        async with self._session().get(url, allow_redirects=False) as response:
            if not response.ok:
                raise UnreadableHealthError(f"status {response.status}")
            answer = bytearray()
            async for piece in response.content.iter_any():
                answer += piece
                if len(answer) > LARGEST_BYTES:
                    raise UnreadableHealthError(f"an answer of over {LARGEST_BYTES} bytes")
            return bytes(answer)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            self._http = aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                # A hostile answer could be small and become any size when it is decompressed.
                auto_decompress=False,
                headers={"Accept-Encoding": "identity"},
            )
        return self._http


def _words_for(error: Exception) -> str:
    """An error of a sibling, in words for operators.

    The words of aiohttp for a failed connection have its own notation for addresses and TLS.
    """
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return f"cannot connect: {os.strerror(error.os_error.errno).lower()}"
    return str(error) or type(error).__name__
