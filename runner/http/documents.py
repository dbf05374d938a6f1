"""The routes of the API's document: as OpenAPI for programs, as a page for people."""

from aiohttp import web

from runner.http import docs_page, wire
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


async def _openapi(_request: web.Request) -> web.Response:
    return web.Response(
        body=wire.compact(document()), content_type="application/json", headers=_HEADERS
    )


async def _docs(_request: web.Request) -> web.Response:
    return web.Response(text=docs_page.page(), content_type="text/html", headers=_HEADERS)


async def _style(_request: web.Request) -> web.Response:
    return web.Response(text=docs_page.style(), content_type="text/css", headers=_HEADERS)
