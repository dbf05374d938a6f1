"""The routes of the API's document: as OpenAPI for programs, as a page for people."""

from aiohttp import web

from runner.http import docs_page, wire
from runner.http.keys import SETTINGS
from runner.http.openapi import document

_HEADERS = {
    "Content-Security-Policy": docs_page.CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_documents(app: web.Application) -> None:
    """Add the document's routes."""
    app.router.add_get("/openapi.json", _openapi)
    app.router.add_get("/docs", _docs)
    app.router.add_get("/docs/style.css", _style)


async def _openapi(request: web.Request) -> web.Response:
    body = wire.compact(document(has_acts=_has_acts(request)))
    return web.Response(body=body, content_type="application/json", headers=_HEADERS)


async def _docs(request: web.Request) -> web.Response:
    text = docs_page.page(has_acts=_has_acts(request))
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=docs_page.style(), content_type="text/css", headers=_HEADERS)


def _has_acts(request: web.Request) -> bool:
    return bool(request.app[SETTINGS].acts_token.get_secret_value())
