"""The operators' live page: its files, and the stream of its states."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import cache
from importlib.resources import files

from aiohttp import web

from runner.http.keys import CONNECTIONS, LIVE_PAGE
from runner.http.origin import is_from_elsewhere
from runner.http.problems import problem
from runner.operators.live_page import LivePage, TooManyWatchersError

STREAM = "/page/stream"

# The time for a client to take one state. Otherwise its connection is dropped; it may ask again.
_SEND_S = 5.0
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_FILES = (
    "page.css",
    "page.js",
    "columns.js",
    "tables.js",
    "charts.js",
    "acts.js",
    "words.js",
    "icon.svg",
)
_HEADERS = {
    # The page may load nothing but our own files, so no text of a learner or a sibling can run.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


def add_live_page(app: web.Application) -> None:
    """Add the routes of what the page loads. The page itself is at `/`, see routes.contract."""
    for name in _FILES:
        app.router.add_get(f"/page/{name}", _sends(name))
    app.router.add_get(STREAM, _stream, allow_head=False)
    app.on_startup.append(_start)
    app.on_shutdown.append(_close)


def wants_page(request: web.Request) -> bool:
    """Whether a browser asks for the page; the contract's clients never ask for HTML."""
    is_read = request.method in ("GET", "HEAD")
    return is_read and request.path == "/" and "text/html" in request.headers.get("Accept", "")


def page() -> web.Response:
    """The page, still without a state."""
    return _file(_INDEX)


def _sends(name: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def send(_request: web.Request) -> web.Response:
        return _file(name)

    return send


def _file(name: str) -> web.Response:
    content_type = _TYPES[name[name.rindex(".") :]]
    return web.Response(
        body=_content(name), content_type=content_type, charset="utf-8", headers=_HEADERS
    )


@cache
def _content(name: str) -> bytes:
    return (files("runner.http") / "live_files" / name).read_bytes()


async def _start(app: web.Application) -> None:
    app[LIVE_PAGE].start()


async def _close(app: web.Application) -> None:
    """End all streams, before the server waits for its handlers."""
    await app[LIVE_PAGE].close()


async def _stream(request: web.Request) -> web.StreamResponse:
    """Server-sent events: each is a whole state. Ends when the service drains."""
    live = request.app[LIVE_PAGE]
    if is_from_elsewhere(request):
        return problem(403, "the page of another origin may not watch")
    if live.is_over:
        return problem(503, "the service is stopping")
    try:
        with live.watching() as begin:
            return await _send_frames(request, live, begin)
    except TooManyWatchersError as error:
        return problem(503, str(error))


async def _send_frames(request: web.Request, live: LivePage, number: int) -> web.StreamResponse:
    connection = request.app[CONNECTIONS].of(request.protocol)
    connection.body_came(lambda: None)  # busy from now on, so that it is not dropped for others
    response = web.StreamResponse(headers={**_HEADERS, "Cache-Control": "no-store"})
    response.content_type = "text/event-stream"
    response.force_close()
    try:
        await response.prepare(request)
        while True:
            frame = await live.frame_after(number)
            number = frame.number
            async with asyncio.timeout(_SEND_S):
                await response.write(b"data: %b\n\n" % frame.state)
            if frame.is_last:
                break
    except ConnectionError:
        pass  # the client has left
    except TimeoutError:
        connection.drop()
    return response
