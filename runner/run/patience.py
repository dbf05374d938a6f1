"""Ends a request whose client has left: at once, or after a while."""

import asyncio
from types import TracebackType

# Most runs end sooner, and a run that ends by itself leaves a reusable container fit for the next.
RUNS_ON_S = 1.0


class ClientGoneError(Exception):
    """The client has closed its connection, so nobody waits for the answer."""


class Patience:
    """A block that is cancelled once its client has left, and then raises ClientGoneError.

    Before `runs` is called the block ends as soon as the client leaves. After that call it goes on
    for `runs_on_s` seconds, or to its end if that is None. A Patience is entered once, by the task
    that runs the block.
    """

    def __init__(self, runs_on_s: float | None = RUNS_ON_S) -> None:
        self.is_gone = False
        self._runs_on_s = runs_on_s
        self._runs = False
        self._limit = asyncio.timeout(None)
        self._is_inside = False

    async def __aenter__(self) -> "Patience":
        await self._limit.__aenter__()
        self._is_inside = True
        self._decide()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._is_inside = False
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError as over:
            raise ClientGoneError from over

    def client_left(self) -> None:
        """Tell that the client has closed its connection. A second or late call is harmless."""
        if not self.is_gone:
            self.is_gone = True
            self._decide()

    def runs(self) -> None:
        """Tell that from now on a container works for the client."""
        self._runs = True
        self._decide()

    def _decide(self) -> None:
        if not self.is_gone or not self._is_inside or self._limit.expired():
            return
        waits_s = self._runs_on_s if self._runs else 0.0
        now_s = asyncio.get_running_loop().time()
        self._limit.reschedule(None if waits_s is None else now_s + waits_s)
