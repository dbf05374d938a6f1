"""Errors for those who are not the contract's clients, as RFC 9457 has it."""

from http import HTTPStatus

from aiohttp import web

RETRY_AFTER_S = 2


def problem(status: int, detail: str) -> web.Response:
    """The answer of an error; its title is the status' own."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    response = web.json_response(
        {**body, "detail": detail}, status=status, content_type="application/problem+json"
    )
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if status in (408, 413, 415):
        response.force_close()
    return response
