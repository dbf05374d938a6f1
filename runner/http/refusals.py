"""How a request is refused: with the error JSON of the contract, and one line in the log."""

from aiohttp import web
from loguru import logger

from runner.http import wire
from runner.http.problems import RETRY_AFTER_S

# The bytes of the raw body that an error's answer repeats, so that a client recognises its request.
LONGEST_ECHO = 50 * 1024
_LONGEST_LOGGED = 500  # characters of it that the log gets
_LONGEST_MESSAGE = 10_000  # characters


def refusal(path: str, body: bytes, status: int, message: str) -> web.Response:
    """The answer, which repeats `body`: the first LONGEST_ECHO bytes of the raw body at most."""
    text = body.decode("utf-8", "replace")
    exception = {
        "path": path,
        "body": text,
        "class": "Runner",
        "message": message[:_LONGEST_MESSAGE],
        "backtrace": [],
    }
    logged = {**exception, "body": text[:_LONGEST_LOGGED]}
    logger.bind(exception=logged, status=status).warning("request refused")
    response = web.Response(
        body=wire.compact({"exception": exception}), status=status, content_type="application/json"
    )
    if status == 503:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response
