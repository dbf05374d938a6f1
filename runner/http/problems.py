"""Errors in the form of RFC 9457, for clients of the paths that are not the contract's."""

from http import HTTPStatus

from aiohttp import web

RETRY_AFTER_S = 2


def problem(status: int, detail: str) -> web.Response:
    """The answer that tells of an error; its title is the usual phrase for the status."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    response = web.json_response(
        {**body, "detail": detail}, status=status, content_type="application/problem+json"
    )
    if status in (429, 503):
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    if status in (408, 413, 415):
        response.force_close()
    return response
