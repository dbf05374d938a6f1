"""The daemon's life: listen, serve, linger, drain."""

import asyncio
import gc
import os
import resource
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from loguru import logger

from pool import this_process
from runner.engine.engines import docker_engines
from runner.http.acts import add_acts
from runner.http.bodies import Bodies
from runner.http.connections import Connections
from runner.http.gate import Gate
from runner.http.keys import BODIES, CONNECTIONS, LIVE_PAGE, SERVICE, SETTINGS, TARPIT
from runner.http.live import add_live_page
from runner.http.malformed import HttpProtocol
from runner.http.routes import add_routes, contract, known_path
from runner.http.unsent import Unsent
from runner.operators.live_page import LivePage
from runner.operators.systemd import READY, STOPPING, Systemd
from runner.service import Service
from runner.settings import MIB, Settings
from runner.siblings.tarpit import Tarpit
from runner.tracing import trace_of, traced

KEEP_ALIVE_S = 75.0  # aiohttp's default is an hour
# The rest of a refused body is read and dropped for this long, so that its client gets to the
# answer; aiohttp's default is 10 s.
REST_OF_BODY_S = 1.0
SEND_S = 30.0  # for a client to take its answer; a browser gives up after the same time
SENT_AT_ONCE_BYTES = 32 * 1024  # the transport takes that much without waiting for its client
READ_BUFFER_BYTES = 64 * 1024  # of a connection, for what its request's handler has not read yet
# Descriptors that are neither a connection's nor a container's; each container takes one.
OTHER_DESCRIPTORS = 100
FEWEST_CONNECTIONS = 16
# The part of the time for a stop that is kept for the removal of containers. An engine removes
# forty of them in two seconds.
REMOVALS_S = 2.5
# The part of the time for runs, during a stop, that is kept for the answers of runs that have not
# ended.
ANSWERS_S = 0.5

UNSENT = web.AppKey("UNSENT", Unsent)
_STDIN = 0


def make_http(settings: Settings, service: Service) -> web.AppRunner:
    """The HTTP side of a service, to be set up and bound to a port."""
    app = web.Application(middlewares=[_attended])
    app[SETTINGS] = settings
    app[SERVICE] = service
    app[TARPIT] = tarpit = Tarpit()
    app[BODIES] = Bodies(settings.bodies_memory_mib * MIB)
    app[UNSENT] = Unsent()
    app[LIVE_PAGE] = LivePage(
        service.health,
        service.views.runs_seen,
        acts=bool(settings.acts_token.get_secret_value()),
        supervisor=service.supervisor,
    )
    add_live_page(app)
    add_acts(app)
    add_routes(app)

    async def hold_nobody(_app: web.Application) -> None:
        tarpit.close()

    app.on_shutdown.append(hold_nobody)
    return _Runner(
        app,
        access_log=None,
        auto_decompress=False,  # no client needs it, and a small body could become a huge one
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=REST_OF_BODY_S,
        read_bufsize=READ_BUFFER_BYTES,
        shutdown_timeout=_for_runs_s(settings),
        handle_signals=False,
    )


async def listen(http: web.AppRunner, settings: Settings) -> int:
    """Bind the HTTP side, once it is set up, to the settings' host and port; returns the port.

    Raises OSError when the port is taken.
    """
    await web.TCPSite(http, settings.host, settings.port).start()
    return int(http.addresses[0][1])


class _Runner(web.AppRunner):
    """aiohttp's server with a gate before it, and with bounds on its connections."""

    def __init__(self, app: web.Application, **kwargs: Any) -> None:
        super().__init__(app, **kwargs)
        settings = app[SETTINGS]
        gate = Gate(
            self._http,
            tarpit=app[TARPIT],
            secret=settings.secret.get_secret_value(),
            turned_away=lambda: app[SERVICE].refused_notice("turned_away"),
        )
        most = min(settings.connections, _descriptors_left(settings))
        most_of_address = min(settings.connections_per_address, most)
        app[CONNECTIONS] = self._connections = Connections(
            gate.let_in, most=most, most_of_address=most_of_address
        )

    @property
    def server(self) -> Any:
        """A callable that makes the protocol of a new connection."""
        return self._connections

    async def shutdown(self) -> None:
        """End all connections."""
        self._connections.close()
        await super().shutdown()

    def _http(self) -> asyncio.Protocol:
        server = super().server
        assert server is not None
        return HttpProtocol(server, refused=self._refused, **self._kwargs)

    def _refused(self, status: int) -> None:
        self.app[SERVICE].views.metrics.answered(known_path(""), status)


def _descriptors_left(settings: Settings) -> int:
    """How many connections the limit of open files allows, beside containers and other files."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit == resource.RLIM_INFINITY:
        return settings.connections
    left = max(FEWEST_CONNECTIONS, limit - settings.host_containers - OTHER_DESCRIPTORS)
    if left < settings.connections:
        logger.bind(connections=left, open_files=limit).warning(
            "fewer connections than set: the process may not open more files"
        )
    return left


@web.middleware
async def _attended(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Tell the connection how far its request is, and send the answer within a time limit.

    While the service drains, each connection ends after its answer. So clients that keep
    connections go elsewhere before the daemon has to close them. A connection also ends with a
    request whose body was not read.
    """
    connection = request.app[CONNECTIONS].of(request.protocol)
    connection.head_came()
    trace = trace_of(request.headers)
    if request.match_info.http_exception is not None:
        handler = contract  # the request names no path (`OPTIONS *`), so it has no route
    with traced(trace):
        response = await handler(request)
    if not response.prepared:
        response.headers.update(trace.headers)
    is_read = request.content.is_eof()
    if request.app[SERVICE].is_draining or not is_read:
        response.force_close()
    body = response.body if isinstance(response, web.Response) else None
    if isinstance(body, bytes) and len(body) > SENT_AT_ONCE_BYTES:
        with request.app[UNSENT].sending(len(body), connection.drop):
            try:
                await _send(request, response)
            except TimeoutError:
                connection.drop()
    request.app[SERVICE].views.metrics.answered(known_path(request.path), response.status)
    connection.answered(is_read=is_read)
    return response


async def _send(request: web.Request, response: web.StreamResponse) -> None:
    """Raises TimeoutError when the client does not take it in time."""
    with suppress(ConnectionError):  # the client has gone
        async with asyncio.timeout(SEND_S):
            await response.prepare(request)
            await response.write_eof()


async def serve(settings: Settings, lines_dropped: Callable[[], int] = lambda: 0) -> None:
    """Serve until SIGTERM or SIGINT; then linger, finish the runs, remove our containers, return.

    While the service lingers it is not ready, but still answers requests. After that it has
    `drain_s` for all that is left to do, whatever the engine does. A second signal ends the linger
    and the wait for runs. At SIGHUP what has failed is tried again at once, cells among it; if the
    daemon's terminal has gone, SIGHUP stops it as SIGTERM does. Raises OSError when the port is
    taken, before the engine is asked for anything.
    """
    stop, stop_now = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (stop_now if stop.is_set() else stop).set()

    clock = asyncio.get_running_loop().time
    over_s: float | None = None
    owner = this_process(settings.replica_name)
    service = Service(
        settings,
        owner,
        docker_engines(settings.docker_host, owner, settings.docker_config),
        lines_dropped,
    )
    _heed_signals(on_signal, service.try_again)
    systemd = Systemd(settings.notify_socket, settings.watchdog_usec, service.supervisor)
    http = make_http(settings, service)
    await http.setup()
    try:
        await listen(http, settings)
        await service.start()
        # The objects that exist now live as long as the process. The collector need not look at
        # them again and again.
        gc.collect()
        gc.freeze()
        logger.bind(host=settings.host, port=settings.port).info("serving")
        systemd.start()
        systemd.tell(READY)
        await stop.wait()
        systemd.tell(STOPPING)
        service.views.catch_up()  # in the log, runs that have ended come before what follows
        logger.info("draining")
        service.is_draining = True
        await _until_either(asyncio.sleep(settings.linger_s), stop_now)
        over_s = clock() + settings.drain_s
        runs_over_s = clock() + _for_runs_s(settings)
        service.end_runs_by(runs_over_s - ANSWERS_S)
        await _until_either(_by(runs_over_s, http.cleanup()), stop_now)
    finally:
        # If the start has failed, the time for a stop begins here.
        over_s = over_s or clock() + settings.drain_s
        await service.drain(over_s - clock())
        await _by(over_s, http.cleanup())
        await systemd.close()
    logger.info("stopped")


def _heed_signals(stop: Callable[[], None], try_again: Callable[[], None]) -> None:
    """SIGHUP stops a daemon whose terminal has gone; to any other it says: try again."""
    had_terminal = os.isatty(_STDIN)

    def on_hang_up() -> None:
        (stop if had_terminal and not os.isatty(_STDIN) else try_again)()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, on_hang_up)


def _for_runs_s(settings: Settings) -> float:
    """The part of the time for a stop in which runs under way may end."""
    return max(settings.drain_s - REMOVALS_S, settings.drain_s / 2)


async def _by(until_s: float, work: Coroutine[None, None, None]) -> None:
    """Wait for the work, and cancel it at that time of the loop's clock."""
    with suppress(TimeoutError):
        async with asyncio.timeout_at(until_s):
            await work


async def _until_either(work: Coroutine[None, None, None], event: asyncio.Event) -> None:
    """Wait for the work, or cancel it when the event comes first. Raises what the work raises."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = group.create_task(work), group.create_task(event.wait())
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
