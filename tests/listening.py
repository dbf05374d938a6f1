"""A server of a test's own, on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def listening(app: web.Application, *, shutdown_s: float = 60.0) -> AsyncIterator[str]:
    """The application answers as long as the block runs; yields its address, `host:port`.

    A handler ends when its client leaves. Else a handler that waits for ever would be left behind,
    and Python would complain of it in the log of the test that runs when it is collected.
    """
    http = web.AppRunner(app, shutdown_timeout=shutdown_s, handler_cancellation=True)
    await http.setup()
    await web.TCPSite(http, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{http.addresses[0][1]}"
    finally:
        await http.cleanup()
