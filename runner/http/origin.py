"""Which page makes a browser send a request: one of ours, or one of somebody else's."""

from urllib.parse import urlsplit

from aiohttp import web


def is_from_elsewhere(request: web.Request) -> bool:
    """Whether a page of another origin sends it. Programs say nothing of origins, and pass.

    Only the host is compared: behind a proxy that ends TLS we do not know the scheme.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    if site not in ("same-origin", "none"):
        return True
    return origin is not None and urlsplit(origin).netloc != request.host
