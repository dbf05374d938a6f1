"""Headers that are no text in UTF-8, or not what their name promises."""

import pytest

from tests.conftest import ServeFake
from tests.runner.http.support import PULL, RUN, Events

HEADERS = (
    *("Accept", "Accept-Encoding", "Authorization", "Content-Encoding", "Content-Type", "Host"),
    *("Origin", "Sec-Fetch-Site", "traceparent", "X-Dojo-Runner-Signature", "X-Dojo-Timings"),
    "X-Request-Id",
)
READ = ("/", "/health", "/livez", "/readyz", "/metrics", "/docs", "/openapi.json")
POSTED = ("/alive", RUN, PULL, "/refill", "/acts/warm", "/acts/drain")
PATHS = [("GET", path) for path in READ] + [("POST", path) for path in POSTED]
ODD = (b"\xff", b"\xed\xa0\x80", b"http://[", b"application/json; charset=\xff")


@pytest.mark.parametrize("header", HEADERS)
async def test_no_header_is_an_unexpected_error(
    serve_fake: ServeFake, logs: Events, header: str
) -> None:
    """Whatever a header holds, on any path there is an answer or a refusal, and no
    error is logged.
    """
    async with serve_fake(secret="s" * 20, acts_token="t" * 20) as http:
        for verb, path in PATHS:
            for value in ODD:
                head = (
                    f"{verb} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2"
                )
                request = head.encode() + b"\r\n%b: %b\r\n\r\n{}" % (header.encode(), value)
                async with http.connection() as (reader, writer):
                    writer.write(request)
                    status_line = await reader.readline()
                assert int(status_line.split()[1]) in {200, 400, 401, 403, 415}, (path, value)

    assert [event for event in logs if event["level"] == "ERROR"] == []
