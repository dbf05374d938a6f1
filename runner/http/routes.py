"""The handlers of requests: each parses its request, calls the service, and renders the answer."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

from aiohttp import web
from loguru import logger
from prometheus_client.exposition import gzip_accepted

from pool import EngineError, PoolClosedError
from runner.colour.questions import BadPatternError
from runner.configuration.allowed_images import ImageNotAllowedError
from runner.container.pulls import PullsBusyError
from runner.engine.words import words_for_clients
from runner.http import live, wire
from runner.http.bodies import Body
from runner.http.documents import add_documents
from runner.http.errors import RequestError
from runner.http.keys import BODIES, CONNECTIONS, SERVICE, SETTINGS, TARPIT
from runner.http.problems import problem
from runner.http.refusals import LONGEST_ECHO, refusal
from runner.http.timings import ANSWER_HEADER, asks_for_timings, server_timing, with_timings
from runner.operators.checks import Check, is_passed, liveness, words_for
from runner.operators.neighbours import BAD_RUNS
from runner.run.admission import BusyError
from runner.run.patience import RUNS_ON_S, ClientGoneError, Patience
from runner.settings import ClientGone
from runner.siblings import notice
from runner.siblings.book import NOTICES_PER_S, Verdict
from runner.threads import in_turn

_CLIENT_GONE = 499  # for the metrics only: nobody gets this answer, as the client has left

_RUN = "/run_cyber_dojo_sh"


@dataclass(frozen=True)
class _Asked:
    """A request whose body has been parsed."""

    app: web.Application
    arguments: dict[str, Any]
    body_bytes: int
    patience: Patience
    wants_timings: bool = False
    headers: dict[str, str] = field(default_factory=dict)  # of the answer


_Handler = Callable[[_Asked], Awaitable[bytes]]


def add_routes(app: web.Application) -> None:
    """Add the paths of operators and of the document; all other paths go to `contract`."""
    app.router.add_get("/health", health)
    app.router.add_get("/livez", livez)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    app.router.add_post(notice.PATH, refill)
    add_documents(app)
    app.router.add_route("*", r"/{path:[\s\S]*}", contract)  # a path may have new lines


async def health(request: web.Request) -> web.Response:
    """The state of the service, for operators; for a sibling's page with its latest bad runs."""
    service = request.app[SERVICE]
    answer = service.health().as_json()
    if BAD_RUNS in request.query:
        answer[BAD_RUNS] = [asdict(run) for run in service.views.bad_runs()]
    return web.json_response(answer)


async def livez(request: web.Request) -> web.Response:
    """Whether the process lives; a scheduler restarts one that does not."""
    return _checked(request, "livez", liveness(request.app[SERVICE].supervisor.loops))


async def readyz(request: web.Request) -> web.Response:
    """Whether a run would be taken on; if not, a load balancer sends requests elsewhere."""
    return _checked(request, "readyz", request.app[SERVICE].readiness())


def _checked(request: web.Request, name: str, checks: Sequence[Check]) -> web.Response:
    status = 200 if is_passed(checks) else 503
    words = words_for(name, checks, verbose="verbose" in request.query)
    return web.Response(text=words, status=status, headers={"Cache-Control": "no-store"})


async def metrics(request: web.Request) -> web.Response:
    """The metrics for Prometheus: the state of the service, and how long runs take."""
    views = request.app[SERVICE].views
    compress = gzip_accepted(request.headers.get("Accept-Encoding", ""))
    headers = {"Content-Type": views.metrics.content_type, "Vary": "Accept-Encoding"}
    if compress:
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=await views.metrics_text(compress=compress), headers=headers)


async def refill(request: web.Request) -> web.Response:
    """A sibling's notice. A good one is answered at once; others may have to wait, see tarpit."""
    response, is_good = await _hear(request)
    if not is_good and not await request.app[TARPIT].hold(str(request.remote)):
        response.force_close()  # so that the next notice comes through the gate
    return response


async def _hear(request: web.Request) -> tuple[web.Response, bool]:
    """The answer to a notice, and whether an honest sibling's notice may get the same answer."""
    service, secret = request.app[SERVICE], request.app[SETTINGS].secret.get_secret_value()
    try:
        body = await _notice_in(request)
        signature = request.headers.get(notice.SIGNATURE_HEADER, "")
        if secret and not notice.is_signed(secret, body, signature):
            service.refused_notice("unsigned")
            raise RequestError(401, f"{notice.SIGNATURE_HEADER}: missing or wrong")
        parsed = notice.parse(body)
        # Without a signature anybody can use a replica's name, so the address counts instead.
        sender = parsed.replica if secret else str(request.remote)
        verdict = await service.hear(parsed, sender)
    except notice.MalformedNoticeError as error:
        service.refused_notice("malformed")
        return problem(400, str(error)), False
    except RequestError as error:
        return problem(error.status, error.message), False
    except PoolClosedError as error:
        return problem(503, str(error)), True
    if verdict is Verdict.LIMITED:
        return problem(429, f"more than {NOTICES_PER_S:g} notices a second from {sender}"), False
    status = 202 if verdict is Verdict.COUNTED else 200
    is_good = verdict in (Verdict.COUNTED, Verdict.UNKNOWN_IMAGE)
    return web.json_response({"verdict": verdict}, status=status), is_good


async def contract(request: web.Request) -> web.Response:
    """The five paths of the contract, whatever the verb; any other path is an unknown one.

    A browser gets the operators' page at `/`.
    """
    if live.wants_page(request):
        return live.page()
    settings = request.app[SETTINGS]
    patience = Patience(RUNS_ON_S if settings.client_gone is ClientGone.END else None)
    headers: dict[str, str] = {}
    with request.app[BODIES].share() as share:
        body = Body(request, share, settings.request_max_bytes, settings.body_read_s)
        try:
            # The other answers are quick, so it does not matter whether their client has left.
            async with patience if request.path == _RUN else nullcontext():
                answer = await _answered(request, body, patience, headers)
        except ClientGoneError:
            return web.Response(status=_CLIENT_GONE)
        except Exception as error:
            return refusal(request.path, bytes(body.text[:LONGEST_ECHO]), *_status_of(error))
    return web.Response(body=answer, content_type="application/json", headers=headers)


async def _answered(
    request: web.Request, body: Body, patience: Patience, headers: dict[str, str]
) -> bytes:
    """The body of a good answer, to which `headers` may be added.

    Raises RequestError, and what the service raises.
    """
    app = request.app

    def may_grow() -> None:
        if request.path == _RUN:
            app[SERVICE].check_queue()  # a run is refused before more of its body is read

    await body.read(may_grow)
    app[CONNECTIONS].of(request.protocol).body_came(patience.client_left)
    size_bytes = len(body.text)
    arguments = await app[BODIES].aside(size_bytes, wire.arguments_of, body.text)
    body.forget_all_but(LONGEST_ECHO)
    handler = _HANDLERS.get(request.path)
    if handler is None:
        raise RequestError(400, "unknown path")
    asks = asks_for_timings(request.headers)
    return await handler(_Asked(app, arguments, size_bytes, patience, asks, headers))


def _status_of(error: Exception) -> tuple[int, str]:
    """The HTTP status for an error, and the message for the client."""
    match error:
        case RequestError():
            return error.status, error.message
        case BadPatternError():
            return 500, f"manifest.hidden_filenames.{error.index}: {error.message}"
        case ImageNotAllowedError():
            return 403, str(error)
        case BusyError() | PullsBusyError() | PoolClosedError():
            return 503, str(error)
        case EngineError():  # reported where it failed
            return 500, f"{error.operation} {error.image}: {words_for_clients(error)}"
    logger.opt(exception=error).error("unexpected error")
    return 500, "unexpected error"


async def _alive(asked: _Asked) -> bytes:
    wire.refuse_arguments(asked.arguments)
    return wire.answer("alive?", True)


async def _ready(asked: _Asked) -> bytes:
    wire.refuse_arguments(asked.arguments)
    return wire.answer("ready?", asked.app[SERVICE].is_ready)


async def _sha(asked: _Asked) -> bytes:
    wire.refuse_arguments(asked.arguments)
    return wire.answer("sha", asked.app[SETTINGS].commit_sha)


async def _pull_image(asked: _Asked) -> bytes:
    image = wire.image_to_pull(asked.arguments)
    return wire.answer("pull_image", await asked.app[SERVICE].pull_image(image))


async def _run_cyber_dojo_sh(asked: _Asked) -> bytes:
    cap_s = asked.app[SETTINGS].max_seconds_cap
    kata = await asked.app[BODIES].aside(asked.body_bytes, wire.kata_of, asked.arguments, cap_s)
    result = await asked.app[SERVICE].run(kata, asked.patience)
    asked.headers[ANSWER_HEADER] = server_timing(result.timings)
    if asked.wants_timings:
        result = with_timings(result)
    if wire.is_large(result):
        return await in_turn(wire.answer_of_run, "run_cyber_dojo_sh", result)
    return wire.answer_of_run("run_cyber_dojo_sh", result)


_PATHS = ("/health", "/livez", "/readyz", "/metrics", notice.PATH)


def known_path(path: str) -> str:
    """The path as a label of metrics; all unknown paths share the label `other`."""
    return path if path in _HANDLERS or path in _PATHS else "other"


_HANDLERS: dict[str, _Handler] = {
    "/alive": _alive,
    "/ready": _ready,
    "/sha": _sha,
    "/pull_image": _pull_image,
    _RUN: _run_cyber_dojo_sh,
}


async def _notice_in(request: web.Request) -> bytes:
    """The body of a notice. Raises RequestError."""
    with request.app[BODIES].share() as share:
        read_s = request.app[SETTINGS].body_read_s
        body = Body(request, share, notice.LARGEST_BYTES, read_s)
        await body.read()
    request.app[CONNECTIONS].of(request.protocol).body_came(lambda: None)
    return bytes(body.text)
