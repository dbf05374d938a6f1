"""New networks for containers that are started, which cost less CPU than those of the engine.

To start a container "in the network of another container", an engine opens /proc/PID/ns/net of the
other one's first process. The first process of a holder makes a new, empty network namespace for
itself whenever it is told to (images/launcher/networks). So a container that is started in the
holder's network gets one that no other container has been in, as long as one start at a time uses
a holder. The engine's own way costs more: dockerd executes itself several times for each network.
"""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from pool.engine import Started
from pool.errors import EngineError, UnansweredError
from pool.spec import ContainerSpec
from pool.tasks import Supervisor, Tasks
from pool.time_limits import NETWORK_S

_TELL = b"\n"  # any byte: the holder makes a new network
_LONGEST_LINE_BYTES = 4096
# A namespace's number, and the kernel's switches that a container in it is to have. No other words
# of a container go into a request to the engine.
_LINE = re.compile(rb"[0-9]{1,20}(;net\.[a-z0-9_.]{1,100}=[0-9 \t]{1,50}){0,20}\Z")


class NetworkHolder:
    """A container that lends its network. `ended` is called once, when it can lend no more.

    `hostname` is the holder's own, which the engine gives to every container in its network.
    """

    def __init__(self, started: Started, hostname: str, ended: Callable[[], None]) -> None:
        self.container_id = started.container_id
        self.hostname = hostname
        self.number = ""  # of the newest network
        self.is_new = False  # whether no container has been in the newest network
        self._switches: dict[str, str] = {}
        self._stream = started.stream
        self._ended = ended
        self._unread = b""
        self._owed = 0  # lines that were asked for and have not come
        self._stream.on_end(ended)

    @property
    def works(self) -> bool:
        """Whether its container runs, as far as is known."""
        return not self._stream.ended

    async def renew(self) -> None:
        """Make the next network. Raises EngineError. After a cancellation it may be called again.

        Then the holder makes one network for each call, and the last one counts.
        """
        try:
            async with asyncio.timeout(NETWORK_S):
                self._owed += 1
                await self._stream.write(_TELL)
                while self._owed:
                    line = await self._line()
                    self._owed -= 1
        except TimeoutError as error:
            raise self._error(f"no network within {NETWORK_S:g} s") from error
        if not _LINE.match(line):
            raise self._error(f"printed {line[:200]!r} where a network was expected")
        number, *switches = line.decode().split(";")
        self.number = number
        self._switches = dict(switch.split("=", 1) for switch in switches)
        self.is_new = True

    def in_its_network(self, spec: ContainerSpec) -> ContainerSpec:
        """The spec of the same container in the newest network of this holder.

        Its sysctls are the switches that the holder has named, those of a network of its own.
        """
        return replace(
            spec,
            network=f"container:{self.container_id}",
            hostname="",  # an engine refuses one beside a network of another container
            sysctls={**spec.sysctls, **self._switches},
        )

    def may_be_why(self, error: EngineError) -> bool:
        """Whether a start may have failed because of this holder, not of its own container."""
        return not self.works or self.container_id in error.message

    async def close(self) -> None:
        """Close the holder's stdin, which ends its container."""
        was_working = self.works
        await self._stream.close()
        if was_working:
            self._ended()

    async def _line(self) -> bytes:
        while b"\n" not in self._unread:
            more = await self._stream.read()
            if not more:
                raise self._error(self._stream.complaints or "it has ended")
            self._unread += more
            if len(self._unread) > _LONGEST_LINE_BYTES:
                raise self._error("printed a line without end")
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _error(self, message: str) -> EngineError:
        return EngineError("network", message, container=self.container_id)


class Networks:
    """The holders that are idle. Without any, the engine makes a network for each container.

    `missed` is called when a start has found no holder that was idle.
    """

    def __init__(self, supervisor: Supervisor | None = None) -> None:
        self.missed: Callable[[], None] = lambda: None
        self._idle: deque[NetworkHolder] = deque()
        self._returning = Tasks(supervisor or Supervisor())

    @property
    def idle(self) -> int:
        """How many holders could lend their network now."""
        return sum(one.works for one in self._idle)

    def add(self, holder: NetworkHolder) -> None:
        """The holder lends networks from now on."""
        self._idle.append(holder)

    async def close(self) -> None:
        """Wait until each holder that was lent has made its next network, or has ended."""
        await self._returning.finish()

    @asynccontextmanager
    async def lend(self, hostname: str) -> AsyncIterator[NetworkHolder | None]:
        """A holder with a new network, for one start; None: no holder of that hostname is idle.

        When the start is over, the holder makes its next network, in the background.
        """
        holder = await self._next(hostname)
        if holder is None:
            self.missed()
            yield None
            return
        end: Callable[[], Coroutine[Any, Any, None]] = holder.close
        try:
            yield holder
            end = partial(self._take_back, holder)
        except EngineError as error:
            # An engine that did not answer may start that container later, in whichever network
            # the holder has by then. So this holder is closed.
            if not isinstance(error, UnansweredError):
                end = partial(self._take_back, holder)
            raise
        finally:
            self._returning.start(end(), f"network of {holder.container_id}")

    async def _next(self, hostname: str) -> NetworkHolder | None:
        while (holder := self._pop(hostname)) is not None:
            try:
                if not holder.is_new:
                    await holder.renew()
            except EngineError:
                await holder.close()
            except BaseException:
                await holder.close()
                raise
            else:
                holder.is_new = False
                return holder
        return None

    def _pop(self, hostname: str) -> NetworkHolder | None:
        """The holder of that hostname that has been idle for longest; ended ones are forgotten."""
        self._idle = deque(one for one in self._idle if one.works)
        found = next((one for one in self._idle if one.hostname == hostname), None)
        if found is not None:
            self._idle.remove(found)
        return found

    async def _take_back(self, holder: NetworkHolder) -> None:
        try:
            with suppress(EngineError):  # a holder that is broken fails again before the next start
                await holder.renew()
        finally:
            self._idle.append(holder)
