"""How a request is refused: with the error JSON of the contract, and one line in the log."""

from aiohttp import web
from loguru import logger

from runner.http import wire
from runner.http.problems import RETRY_AFTER_S

# So much of the raw body is part of an error's answer: by it a client recognises its request.
LONGEST_ECHO = 50 * 1024
_LONGEST_LOGGED = 500  # so much of it is in the log
_LONGEST_MESSAGE = 10_000


def refusal(path: str, body: bytes, status: int, message: str) -> web.Response:
    """The answer. It repeats `body`, the raw body's beginning of at most LONGEST_ECHO bytes."""
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
