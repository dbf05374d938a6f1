"""HTTP: parse, call, render."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from loguru import logger

from pool import EngineError, PoolClosedError
from runner.colour.questions import BadPatternError
from runner.http import wire
from runner.http.errors import RequestError
from runner.run.admission import BusyError
from runner.service import Service
from runner.settings import Settings
from runner.siblings import notice
from runner.siblings.book import NOTICES_PER_S, Verdict
from runner.siblings.tarpit import Tarpit
from runner.threads import in_turn

SERVICE = web.AppKey("SERVICE", Service)
SETTINGS = web.AppKey("SETTINGS", Settings)
TARPIT = web.AppKey("TARPIT", Tarpit)

_RETRY_AFTER_S = 2
# Of the raw body, in an error's answer and in the log; a client needs it to recognise its request.
_LONGEST_ECHO = 50 * 1024

_Handler = Callable[[web.Application, dict[str, Any]], Awaitable[bytes]]


def add_routes(app: web.Application) -> None:
    """The operators' paths, and behind them everything else: the contract's."""
    app.router.add_get("/health", health)
    app.router.add_get("/metrics", metrics)
    app.router.add_post(notice.PATH, refill)
    app.router.add_route("*", r"/{path:[\s\S]*}", contract)  # new lines, too


async def health(request: web.Request) -> web.Response:
    """What operators want to know."""
    return web.json_response(request.app[SERVICE].health().as_json())


async def metrics(request: web.Request) -> web.Response:
    """The same for Prometheus, and how long runs take."""
    counted = request.app[SERVICE].metrics
    return web.Response(body=counted.render(), headers={"Content-Type": counted.content_type})


async def refill(request: web.Request) -> web.Response:
    """A sibling's notice. A good one is answered at once; of others see tarpit."""
    response, is_good = await _hear(request)
    if not is_good and not await request.app[TARPIT].hold(str(request.remote)):
        response.force_close()  # the next one has to come through the gate
    return response


async def _hear(request: web.Request) -> tuple[web.Response, bool]:
    """A verdict, see siblings.book; and whether honest siblings' notices end so, too."""
    service, secret = request.app[SERVICE], request.app[SETTINGS].secret.get_secret_value()
    try:
        body = await _body_of(request, notice.LARGEST_BYTES)
        signature = request.headers.get(notice.SIGNATURE_HEADER, "")
        if secret and not notice.is_signed(secret, body, signature):
            service.refused_notice("unsigned")
            raise RequestError(401, f"{notice.SIGNATURE_HEADER}: missing or wrong")
        parsed = notice.parse(body)
        # Only a signature makes a replica's name its own.
        sender = parsed.replica if secret else str(request.remote)
        verdict = await service.hear(parsed, sender)
    except notice.MalformedNoticeError as error:
        service.refused_notice("malformed")
        return _problem(400, str(error)), False
    except RequestError as error:
        return _problem(error.status, error.message), False
    except PoolClosedError as error:
        return _problem(503, str(error)), True
    if verdict is Verdict.LIMITED:
        return _problem(429, f"more than {NOTICES_PER_S:g} notices a second from {sender}"), False
    status = 202 if verdict is Verdict.COUNTED else 200
    is_good = verdict in (Verdict.COUNTED, Verdict.UNKNOWN_IMAGE)
    return web.json_response({"verdict": verdict}, status=status), is_good


async def contract(request: web.Request) -> web.Response:
    """The five paths that clients use, whatever the verb; anything else is an error of theirs."""
    body = b""
    try:
        body = await _body_of(request, request.app[SETTINGS].request_max_bytes)
        arguments = wire.arguments_of(body)
        handler = _HANDLERS.get(request.path)
        if handler is None:
            raise RequestError(400, "unknown path")
        answer = await handler(request.app, arguments)
    except RequestError as error:
        return _refusal(request, body, error.status, error.message)
    except BadPatternError as error:
        where = f"manifest.hidden_filenames.{error.index}"
        return _refusal(request, body, 500, f"{where}: {error.message}")
    except (BusyError, PoolClosedError) as error:
        return _refusal(request, body, 503, str(error))
    except EngineError as error:  # reported where it failed
        return _refusal(request, body, 500, str(error))
    except Exception as error:
        logger.opt(exception=error).error("unexpected error")
        return _refusal(request, body, 500, "unexpected error")
    return web.Response(body=answer, content_type="application/json")


async def _alive(_app: web.Application, arguments: dict[str, Any]) -> bytes:
    wire.refuse_arguments(arguments)
    return wire.answer("alive?", True)


async def _ready(app: web.Application, arguments: dict[str, Any]) -> bytes:
    wire.refuse_arguments(arguments)
    return wire.answer("ready?", app[SERVICE].is_ready)


async def _sha(app: web.Application, arguments: dict[str, Any]) -> bytes:
    wire.refuse_arguments(arguments)
    return wire.answer("sha", app[SETTINGS].commit_sha)


async def _pull_image(app: web.Application, arguments: dict[str, Any]) -> bytes:
    name = wire.image_to_pull(arguments)
    return wire.answer("pull_image", await app[SERVICE].pull_image(name))


async def _run_cyber_dojo_sh(app: web.Application, arguments: dict[str, Any]) -> bytes:
    kata = wire.kata_of(arguments, app[SETTINGS].max_seconds_cap)
    result = await app[SERVICE].run(kata)
    if wire.is_large(result):
        return await in_turn(wire.answer_of_run, "run_cyber_dojo_sh", result)
    return wire.answer_of_run("run_cyber_dojo_sh", result)


_HANDLERS: dict[str, _Handler] = {
    "/alive": _alive,
    "/ready": _ready,
    "/sha": _sha,
    "/pull_image": _pull_image,
    "/run_cyber_dojo_sh": _run_cyber_dojo_sh,
}


async def _body_of(request: web.Request, limit_bytes: int) -> bytes:
    """At most that size, within the configured time. Raises RequestError."""
    if request.headers.get("Content-Encoding", "identity") != "identity":
        raise RequestError(415, "Content-Encoding: send the body as it is")
    too_large = RequestError(413, f"body: over the limit of {limit_bytes} bytes")
    if (request.content_length or 0) > limit_bytes:
        raise too_large
    received = bytearray()
    try:
        async with asyncio.timeout(request.app[SETTINGS].body_read_s):
            async for chunk in request.content.iter_any():
                received += chunk
                if len(received) > limit_bytes:
                    raise too_large
    except TimeoutError as error:
        raise RequestError(408, "body: did not arrive in time") from error
    except ConnectionError as error:
        raise RequestError(400, "body: the connection was lost") from error
    return bytes(received)


def _problem(status: int, detail: str) -> web.Response:
    """An error for those who are not the contract's clients, as RFC 9457 has it."""
    problem = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    response = web.json_response(
        {**problem, "detail": detail}, status=status, content_type="application/problem+json"
    )
    if status in (429, 503):
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    if status in (408, 413, 415):
        response.force_close()
    return response


def _refusal(request: web.Request, body: bytes, status: int, message: str) -> web.Response:
    exception = {
        "path": request.path,
        "body": body[:_LONGEST_ECHO].decode("utf-8", "replace"),
        "class": "Runner",
        "message": message,
        "backtrace": [],
    }
    logger.bind(exception=exception, status=status).warning("request refused")
    response = web.Response(
        body=json.dumps({"exception": exception}, ensure_ascii=False).encode(),
        status=status,
        content_type="application/json",
    )
    if status in (408, 413, 415):
        response.force_close()  # what is left of the body is nobody's next request
    if status == 503:
        response.headers["Retry-After"] = str(_RETRY_AFTER_S)
    return response
