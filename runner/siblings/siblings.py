"""Tells sibling replicas of takes, in the background: no run waits for it, and it may fail."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import aiohttp
from loguru import logger

from pool import Supervisor, Tasks
from runner.latest import Latest
from runner.siblings.book import Verdict
from runner.siblings.notice import SIGNATURE_HEADER, RefillNotice, sign
from runner.siblings.sibling import POSTS_AT_ONCE, Address, Sibling, SiblingStatus, addresses_of
from runner.siblings.teller import Standing, Teller
from runner.tracing import Trace, current_trace

LOOK_UP_S = 5.0  # a new replica is found, and one that has gone is forgotten, within this time
ANSWERS_WITHIN_S = 1.0
LONGEST_ANSWER_BYTES = 1000
MOST_SIBLINGS = 100
MOST_TRACES = 1000  # images that were taken, and of which no sibling has been told yet


class Siblings:
    """The other replicas. `standing` describes an image; None if it has no pool any more.

    `names` are `host:port`, and `look_up` finds the addresses of each, again and again. `told` of
    these addresses are told of a take, and all of them of an image's first take in a minute.
    """

    def __init__(
        self,
        names: Sequence[str],
        *,
        told: int,
        replica: str,
        secret: str,
        standing: Callable[[str], Standing | None],
        supervisor: Supervisor,
        look_up: Callable[[str], Awaitable[set[Address]]] = addresses_of,
    ) -> None:
        self.outcomes: Counter[str] = Counter()
        self._names = names
        self._secret = secret
        self._teller = Teller(
            told=told, replica=replica, standing=standing, ready=self._ready, send=self._send
        )
        self._by_address: dict[Address, Sibling] = {}
        self._found: dict[str, set[Address]] = {}  # by name, as of its last look-up
        self._traces: Latest[str, Trace] = Latest(MOST_TRACES)  # by image: the last take's
        self._tasks = Tasks(supervisor)
        self._look_up = look_up
        self._http: aiohttp.ClientSession | None = None

    def start(self) -> None:
        """Begin to look the siblings up, in the background, for ever."""
        if not self._names:
            return
        self._http = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=ANSWERS_WITHIN_S),
            connector=aiohttp.TCPConnector(limit=POSTS_AT_ONCE * MOST_SIBLINGS),
        )
        self._tasks.loop(self._look_up_for_ever, "look up siblings")

    async def close(self) -> None:
        """Tell nobody any more, and cancel the posts under way."""
        self._teller.close()
        http, self._http = self._http, None
        await self._tasks.cancel()
        if http is not None:
            await http.close()

    def took(self, image: str) -> None:
        """See Teller.took; without siblings nothing happens."""
        if self._http is not None:
            self._remember_trace(image)
            self._teller.took(image)

    def announce(self, image: str) -> None:
        """See Teller.announce; without siblings nothing happens."""
        if self._http is not None:
            self._remember_trace(image)
            self._teller.announce(image)

    def statuses(self) -> tuple[SiblingStatus, ...]:
        """For operators, the status of each sibling that is told of takes."""
        now_s = time.monotonic()
        return tuple(one.status(now_s) for one in self._by_address.values() if not one.is_self)

    def _remember_trace(self, image: str) -> None:
        if (trace := current_trace()) is not None:
            self._traces[image] = trace

    def _ready(self) -> list[Sibling]:
        now_s = time.monotonic()
        return [one for one in self._by_address.values() if one.may_be_told(now_s)]

    def _send(self, notice: RefillNotice, chosen: Sequence[Sibling]) -> None:
        """Post to each sibling in a task of its own, so that a slow one holds up no other."""
        body = notice.model_dump_json().encode()
        headers = {"Content-Type": "application/json"}
        if (trace := self._traces.pop(notice.image, None)) is not None:
            headers.update(trace.headers)
        if self._secret:
            headers[SIGNATURE_HEADER] = sign(self._secret, body)
        for sibling in chosen:
            sibling.under_way += 1
            self._tasks.start(self._post(sibling, body, headers), "refill notice")

    async def _post(self, sibling: Sibling, body: bytes, headers: dict[str, str]) -> None:
        try:
            await self._post_once(sibling, body, headers)
            outcome = "sent"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            words = str(error) or type(error).__name__
            if not sibling.is_lost:
                bound = logger.bind(sibling=sibling.url, reason=words)
                bound.warning("a sibling cannot be told of takes")
            sibling.missed(words, time.monotonic())
            outcome = "failed"
        finally:
            sibling.under_way -= 1
        self.outcomes[outcome] += 1

    async def _post_once(self, sibling: Sibling, body: bytes, headers: dict[str, str]) -> None:
        """Post a notice. Raises aiohttp.ClientError, TimeoutError; ValueError for a bad answer."""
        assert self._http is not None
        async with self._http.post(
            sibling.url, data=body, headers=headers, allow_redirects=False
        ) as response:
            # A redirect is not followed, so it is no answer either.
            if not response.ok or "Location" in response.headers:
                raise ValueError(f"status {response.status}")
            # A sibling's answer is short; the rest of a longer one is not read.
            answer = await response.content.read(LONGEST_ANSWER_BYTES)
        sibling.is_self = f'"{Verdict.OWN}"'.encode() in answer
        if sibling.is_lost:
            logger.bind(sibling=sibling.url).info("a sibling can be told of takes again")
        sibling.answered()

    async def _look_up_for_ever(self) -> None:
        while True:
            for name in self._names:
                # If the look-up fails, the addresses found last time still count. UnicodeError: the
                # name cannot be one of the DNS.
                with suppress(OSError, TimeoutError, UnicodeError):
                    async with asyncio.timeout(LOOK_UP_S):
                        self._found[name] = await self._look_up(name)
            found = set[Address]().union(*self._found.values())
            if found != self._by_address.keys():
                self._by_address = {
                    address: self._by_address.get(address) or Sibling(address)
                    for address in sorted(found)[:MOST_SIBLINGS]
                }
            await asyncio.sleep(LOOK_UP_S)
