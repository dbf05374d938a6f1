"""The operators' live page over HTTP: its files, the stream of states, and what neither may do."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
import pytest

from runner.http.live import _FILES, STREAM
from runner.operators.live_page import MOST_WATCHERS
from tests.conftest import ServeFake
from tests.serving import Served
from tests.waiting import eventually

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


async def states(response: aiohttp.ClientResponse) -> AsyncIterator[dict[str, Any]]:
    """The states of a stream."""
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line[6:])
        else:
            assert line == b"\n"


@asynccontextmanager
async def watching(http: Served) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """A client that watches."""
    async with http.session.get(http.url + STREAM) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        yield states(response)


async def test_a_browser_gets_the_page(fake_http: Served) -> None:
    """`GET /` of a client that takes HTML is the page, with a policy that lets nothing else in."""
    async with fake_http.session.get(fake_http.url, headers=HTML) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert response.headers["Content-Security-Policy"] == POLICY
        assert "<title>dojo-runner</title>" in await response.text()


@pytest.mark.parametrize(
    ("verb", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/", {"Accept": "*/*"}),
        ("GET", "/", {"Accept": "application/json"}),
        ("POST", "/", HTML),
        ("GET", "/page/", HTML),
        ("GET", "/page/none.js", HTML),
        ("GET", "/page/../settings.py", HTML),
        ("POST", STREAM, {}),
        ("POST", "/page/page.js", {}),
    ],
)
async def test_all_else_is_the_contracts_unknown_path(
    fake_http: Served, verb: str, path: str, headers: dict[str, str]
) -> None:
    """Clients of the contract see no change."""
    answer = await fake_http.ask(path, verb=verb, headers=headers)

    assert answer.refusal == (400, "unknown path")


@pytest.mark.parametrize("name", _FILES)
async def test_each_file_of_the_page_is_there(fake_http: Served, name: str) -> None:
    """Each file of the page is served with a type that the browser need not guess."""
    async with fake_http.session.get(f"{fake_http.url}/page/{name}") as response:
        assert response.status == 200
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.content_type in ("text/css", "text/javascript", "image/svg+xml")
        assert await response.read()


async def test_a_stream_follows_the_service(serve_fake: ServeFake) -> None:
    """A run that ends badly is in the next state, with what operators need of it."""
    async with serve_fake() as http, watching(http) as stream:
        await http.until_ready()
        await http.run()
        await http.run("sleep 30", max_seconds=1)
        async for state in stream:
            if state["bad_runs"]:
                break

        [bad] = state["bad_runs"]
        assert (bad["kata_id"], bad["image"]) == ("aBc123", http.image)
        assert (bad["outcome"], bad["status"]) == ("timed_out", "142")
        assert {"queue", "lease", "run"} <= bad["phases_s"].keys()
        assert state["outcomes"] == {"green": 1, "timed_out": 1}
        assert state["phases"]["run"]["p95_s"] > 0.9
        assert state["replicas"][0]["places"] == http.service.views.limits.runs_at_once
        assert [one["name"] for one in state["images"]] == [http.image]
        assert state["acts"] is False


async def test_the_siblings_figures_are_in_a_state(serve_fake: ServeFake) -> None:
    """A state has the figures of each sibling, and of this replica once, though it
    is in the list, too.
    """
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(serve_fake())
        await other.until_ready()
        await other.run()
        address = other.url.removeprefix("http://")
        http = await stack.enter_async_context(serve_fake(siblings=(address,)))
        stream = await stack.enter_async_context(watching(http))
        async for state in stream:
            if len(state["images"]) == 1:
                break

        own, sibling = state["replicas"]
        assert own["name"] == http.service.health().replica
        assert (sibling["name"], sibling["address"]) == (other.service.health().replica, address)
        assert (sibling["status"], sibling["hits"] + sibling["misses"]) == ("ok", 1)
        assert state["images"][0]["replica"] == sibling["name"]


async def test_all_watchers_share_one_rendering(serve_fake: ServeFake) -> None:
    """Twenty may watch; the next one is told to come later, and a place becomes free again."""
    async with serve_fake() as http, AsyncExitStack() as stack:
        first = await http.session.get(http.url + STREAM)
        async with asyncio.timeout(10):
            numbers = [
                await anext(await stack.enter_async_context(watching(http)))
                for _ in range(MOST_WATCHERS - 1)
            ]
            assert len({state["replicas"][0]["uptime_s"] for state in numbers}) < MOST_WATCHERS / 2

        refused = await http.ask(STREAM, verb="GET")
        assert (refused.status, refused.body["status"]) == (503, 503)
        assert refused.headers["Retry-After"]

        first.close()

        async def status() -> int:
            async with http.session.get(http.url + STREAM) as response:
                return response.status

        assert await eventually(status, lambda status: status == 200)


async def test_a_stream_ends_when_the_service_drains(serve_fake: ServeFake) -> None:
    """A stream ends after a last state which says that the service drains.

    No new client may watch, and nothing waits for streams.
    """
    async with serve_fake() as http, watching(http) as stream:
        await anext(stream)
        http.service.is_draining = True
        last = [state async for state in stream][-1]

        assert last["status"] == "draining"
        assert last["findings"][0]["what"] == "This replica is draining"
        assert (await http.ask(STREAM, verb="GET")).status == 503


async def test_a_stream_does_not_delay_a_stop(serve_fake: ServeFake) -> None:
    """The server waits for its handlers, and those of streams end at once."""
    async with AsyncExitStack() as stack, serve_fake(drain_s=60.0) as http:
        stream = await stack.enter_async_context(watching(http))
        await anext(stream)
        began_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began_s < 20


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://["},
        {"Origin": "http://a\u2100b"},
    ],
)
async def test_a_page_of_another_origin_may_not_watch(
    fake_http: Served, headers: dict[str, str]
) -> None:
    """A page of another origin may not watch: it could not read the stream, but
    would take up a place.
    """
    answer = await fake_http.ask(STREAM, verb="GET", headers=headers)

    assert answer.status == 403


async def test_a_state_holds_no_secret(serve_fake: ServeFake) -> None:
    """A state has neither the secret nor the token of the settings."""
    secret, token = "s" * 20, "t" * 20
    async with serve_fake(secret=secret, acts_token=token) as http, watching(http) as stream:
        state = json.dumps(await anext(stream))

        assert secret not in state
        assert token not in state


async def test_a_sibling_is_told_of_bad_runs_if_it_asks(serve_fake: ServeFake) -> None:
    """Health checks, which ask without, get none of them."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.run("sleep 30", max_seconds=1)
        plain = (await http.ask("/health", verb="GET")).body
        asked = (await http.ask("/health?bad_runs", verb="GET")).body

    assert "bad_runs" not in plain
    (bad,) = asked["bad_runs"]
    assert (bad["kata_id"], bad["outcome"]) == ("aBc123", "timed_out")
    assert "stopped after 1 s" in bad["reason"]
