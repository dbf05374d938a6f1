"""Tells whether a browser sends a request for one of our pages, or for somebody else's."""

from urllib.parse import urlsplit

from aiohttp import web


def is_from_elsewhere(request: web.Request) -> bool:
    """Whether a page of another origin sends the request. Programs name no origin, and pass.

    Only the host is compared, because behind a proxy that ends TLS the scheme is unknown.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none"):
        return True
    return origin is not None and _host_of(origin) != request.host


def _host_of(origin: str) -> str | None:
    """The host and port of an origin; None if it is no URL."""
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return None
