"""The answer to what aiohttp refuses itself, before any handler of ours gets to see it.

These are bytes that are no request of HTTP (an unknown verb, a header without a colon, TLS), and
expectations that nobody can meet. aiohttp's own answer is plain text, so a client that reads JSON
could not read why it was refused. And for malformed bytes aiohttp writes the traceback of its
parser into the log each time, so anybody could fill the log.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from runner.http.refusals import refusal


class HttpProtocol(web.RequestHandler):
    """aiohttp's protocol of a connection, with our answer to what aiohttp refuses itself."""

    __slots__ = ("_refused",)

    def __init__(
        self, server: web.Server, *, refused: Callable[[int], None], **settings: Any
    ) -> None:
        """`refused` is told the status of each such request, for the metrics."""
        super().__init__(server, loop=asyncio.get_running_loop(), **settings)
        self._refused = refused

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Refuse what the parser refuses. Any other error is our own, and aiohttp logs it."""
        if not isinstance(exc, HttpProcessingError) or request.writer.output_size:
            return super().handle_error(request, status, exc, message)
        return self._refusal("", status, f"this is no HTTP: {in_one_line(exc.message)}")

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer. aiohttp's refusal of an `Expect` is replaced by ours."""
        if isinstance(resp, web.HTTPExpectationFailed):
            message = "Expect: the only expectation that can be met is 100-continue"
            resp = self._refusal(request.path, resp.status, message)
        return await super().finish_response(request, resp, start_time)

    def _refusal(self, path: str, status: int, message: str) -> web.Response:
        self._refused(status)
        response = refusal(path, b"", status, message)
        response.force_close()
        return response


def in_one_line(message: str) -> str:
    """A parser's words without the line that only points (`^`) into the line above it."""
    lines = (line.strip() for line in message.splitlines())
    return " ".join(line for line in lines if line.strip("^"))
