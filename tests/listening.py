"""A server of a test's own, on loopback."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web


@asynccontextmanager
async def listening(app: web.Application, *, shutdown_s: float = 60.0) -> AsyncIterator[str]:
    """The application answers as long as the block runs; yields its address, `host:port`."""
    http = web.AppRunner(app, shutdown_timeout=shutdown_s)
    await http.setup()
    await web.TCPSite(http, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{http.addresses[0][1]}"
    finally:
        await http.cleanup()
