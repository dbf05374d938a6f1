"""The daemon's life: listen, serve, linger, drain."""

import asyncio
import gc
import signal
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from loguru import logger

from pool import this_process
from runner.http.gate import Gate
from runner.http.routes import SERVICE, SETTINGS, TARPIT, add_routes
from runner.service import Service, docker_engines
from runner.settings import Settings
from runner.siblings.tarpit import Tarpit

KEEP_ALIVE_S = 75.0  # AppRunner's own default is an hour
# What still comes of a refused body is read and dropped for this long, so that its client gets to
# the answer; by default it would be 10 s.
LINGER_S = 1.0


def make_http(settings: Settings, service: Service) -> web.AppRunner:
    """The HTTP side of a service, to be set up and bound to a port."""
    app = web.Application(middlewares=[_close_while_draining])
    app[SETTINGS] = settings
    app[SERVICE] = service
    app[TARPIT] = tarpit = Tarpit()
    add_routes(app)

    async def hold_nobody(_app: web.Application) -> None:
        tarpit.close()

    app.on_shutdown.append(hold_nobody)
    return _Runner(
        app,
        tarpit,
        access_log=None,
        auto_decompress=False,  # nobody needs it, and a bomb would be inflated
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        shutdown_timeout=settings.drain_s,
        handle_signals=False,
    )


class _Runner(web.AppRunner):
    """With a gate before it."""

    def __init__(self, app: web.Application, tarpit: Tarpit, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        self._tarpit = tarpit
        self._gate: Gate | None = None

    async def setup(self) -> None:
        """Ready for sites."""
        await super().setup()
        http = super().server
        assert http is not None
        self._gate = Gate(
            http,
            tarpit=self._tarpit,
            secret=self.app[SETTINGS].secret.get_secret_value(),
            first_byte_s=KEEP_ALIVE_S,
            turned_away=lambda: self.app[SERVICE].refused_notice("turned_away"),
        )

    @property
    def server(self) -> Any:
        """What a site makes of a connection."""
        return self._gate

    async def shutdown(self) -> None:
        """Of all that is open."""
        if self._gate is not None:
            self._gate.close()
        await super().shutdown()


@web.middleware
async def _close_while_draining(request: web.Request, handler: Handler) -> web.StreamResponse:
    """So that clients with pooled connections go elsewhere before this end of them is closed."""
    response = await handler(request)
    if request.app[SERVICE].is_draining:
        response.force_close()
    return response


async def serve(settings: Settings) -> None:
    """Serve until SIGTERM or SIGINT; then linger, finish the runs, remove our containers, return.

    While it lingers it is not ready, but takes on whatever still comes. A second signal stops at
    once. Raises OSError when the port is taken, before Docker is touched.
    """
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)

    owner = this_process(settings.replica_name)
    service = Service(settings, owner, docker_engines(settings.docker_host, owner))
    http = make_http(settings, service)
    await http.setup()
    try:
        await web.TCPSite(http, settings.host, settings.port).start()
        await service.start()
        # What start-up made lives as long as the process: not to be looked through again.
        gc.collect()
        gc.freeze()
        logger.bind(host=settings.host, port=settings.port).info("serving")
        await stop.wait()
        logger.info("draining")
        service.is_draining = True
        await _until_either(_linger_and_finish(http, settings.linger_s), stop_now)
    finally:
        await service.drain()
        await http.cleanup()
    logger.info("stopped")


async def _linger_and_finish(http: web.AppRunner, linger_s: float) -> None:
    """Take on what still comes, then nothing more; return when what was taken on is answered."""
    await asyncio.sleep(linger_s)
    await http.cleanup()


async def _until_either(work: Coroutine[None, None, None], event: asyncio.Event) -> None:
    """Wait for the work, or give it up when the event comes first."""
    tasks = {asyncio.ensure_future(work), asyncio.ensure_future(event.wait())}
    _, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
