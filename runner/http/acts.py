"""Operators may warm and drain an image over HTTP, if the settings have a token for it."""

import hmac
from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

from aiohttp import web
from loguru import logger
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pool import EngineError, PoolClosedError, is_well_formed
from runner.configuration.allowed_images import ImageNotAllowedError
from runner.engine.words import words_for_clients
from runner.http.bodies import Body
from runner.http.errors import RequestError
from runner.http.keys import BODIES, CONNECTIONS, SERVICE, SETTINGS, TARPIT
from runner.http.origin import is_from_elsewhere
from runner.http.problems import problem
from runner.warming.acts import MOST_ASKED, UnknownImageError

WARM, DRAIN = "/acts/warm", "/acts/drain"
LARGEST_BYTES = 4096


def _named(name: str) -> str:
    if not is_well_formed(name):
        raise ValueError("is malformed")
    return name


class _Act(BaseModel):
    """The arguments that both acts take."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    image: Annotated[str, AfterValidator(_named)]


class WarmAct(_Act):
    """Keep so many containers of an image warm for a while."""

    containers: int = Field(ge=1, le=MOST_ASKED)


class DrainAct(_Act):
    """Discard an image's warm containers."""


_A = TypeVar("_A", bound=_Act)


def add_acts(app: web.Application) -> None:
    """Add the acts' routes, if a token guards them."""
    if app[SETTINGS].acts_token.get_secret_value():
        app.router.add_post(WARM, _guarded(WarmAct, _warm))
        app.router.add_post(DRAIN, _guarded(DrainAct, _drain))


async def _warm(request: web.Request, act: WarmAct) -> web.Response:
    target = await request.app[SERVICE].acts.warm(act.image, act.containers)
    return web.json_response({"image": act.image, "target": target})


async def _drain(request: web.Request, act: DrainAct) -> web.Response:
    request.app[SERVICE].acts.drain(act.image)
    return web.json_response({"image": act.image, "target": 0})


def _guarded(
    kind: type[_A], act: Callable[[web.Request, _A], Awaitable[web.Response]]
) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of an act, which first checks the request's token, origin and body."""

    async def handle(request: web.Request) -> web.Response:
        try:
            _check_sender(request)
            return await act(request, await _read(request, kind))
        except RequestError as error:
            logger.bind(path=request.path, status=error.status).warning("act refused")
            if error.status == 401:
                # A client that guesses tokens must wait for each answer.
                await request.app[TARPIT].hold(str(request.remote))
            return problem(error.status, error.message)
        except UnknownImageError as error:
            return problem(404, str(error))
        except ImageNotAllowedError as error:
            return problem(403, str(error))
        except PoolClosedError as error:
            return problem(503, str(error))
        except EngineError as error:  # reported where it failed
            return problem(502, words_for_clients(error))

    return handle


def _check_sender(request: web.Request) -> None:
    """Check origin and token before the body is read. Raises RequestError."""
    if is_from_elsewhere(request):
        raise RequestError(403, "the page of another origin may not act")
    if request.content_type != "application/json":
        raise RequestError(415, "the body must be application/json")
    token = request.app[SETTINGS].acts_token.get_secret_value()
    given = request.headers.get("Authorization", "")
    expected = f"Bearer {token}"
    if not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise RequestError(401, "Authorization: missing or wrong")


async def _read(request: web.Request, kind: type[_A]) -> _A:
    """Read and check the body. Raises RequestError."""
    with request.app[BODIES].share() as share:
        body = Body(request, share, LARGEST_BYTES, request.app[SETTINGS].body_read_s)
        await body.read()
    request.app[CONNECTIONS].of(request.protocol).body_came(lambda: None)
    try:
        return kind.model_validate_json(bytes(body.text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "body"
        raise RequestError(400, f"{where}: {first['msg']}") from error
