"""What a request is called, from its client to the siblings that hear of it."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from runner.siblings.sibling import SiblingStatus
from runner.tracing import Trace, current_trace, trace_of, traced
from tests.conftest import ServeFake
from tests.runner.http.support import RUN
from tests.waiting import eventually

Events = list[dict[str, Any]]
TRACE_ID, PARENT_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"
FRESH = re.compile("[0-9a-f]{16}")


def test_good_names_are_taken_over() -> None:
    """The request's id and its trace are the client's; the span is our own."""
    trace = trace_of({"X-Request-Id": "web-1.2:3", "traceparent": PARENT})

    assert (trace.request_id, trace.trace_id, trace.parent_id) == ("web-1.2:3", TRACE_ID, PARENT_ID)
    assert trace.headers == {
        "X-Request-Id": "web-1.2:3",
        "traceparent": f"00-{TRACE_ID}-{trace.span_id}-01",
    }
    assert FRESH.fullmatch(trace.span_id)
    assert trace.span_id != PARENT_ID


@pytest.mark.parametrize("bad", ["", "x" * 129, "two words", "a\nb", "\x1b[2J", "é", '"'])
def test_an_id_of_a_bad_form_is_replaced(bad: str) -> None:
    """A request always has an id, which never ends a line nor says anything to a terminal."""
    one, other = (trace_of({"X-Request-Id": bad}) for _ in range(2))

    assert FRESH.fullmatch(one.request_id)
    assert one.request_id != other.request_id


@pytest.mark.parametrize(
    "bad",
    [
        "",
        PARENT.upper(),
        f"ff-{TRACE_ID}-{PARENT_ID}-01",
        f"00-{'0' * 32}-{PARENT_ID}-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"{PARENT}-more",
        PARENT[:-1],
        f" {PARENT}",
        f"{PARENT}\n",
    ],
)
def test_a_traceparent_of_a_bad_form_is_ignored(bad: str) -> None:
    """A traceparent of a bad form is ignored as the W3C has it: the request is part of no trace."""
    assert trace_of({"X-Request-Id": "a", "traceparent": bad}) == Trace("a")


def test_a_later_version_of_traceparent_is_read_as_far_as_it_is_known() -> None:
    """What we pass on is of the version that we know, with the one flag that we know."""
    trace = trace_of({"traceparent": f"01-{TRACE_ID}-{PARENT_ID}-fe-more"})

    assert trace.headers["traceparent"] == f"00-{TRACE_ID}-{trace.span_id}-00"


@given(st.text(), st.text())
def test_any_text_gives_names_that_are_harmless(request_id: str, parent: str) -> None:
    """Whatever a client sends, what is logged and passed on is short and printable."""
    trace = trace_of({"X-Request-Id": request_id, "traceparent": parent})

    assert 1 <= len(trace.request_id) <= 128
    assert all(value.isascii() and value.isprintable() for value in trace.headers.values())


async def test_what_outlives_a_request_has_no_name() -> None:
    """A task in the background may be begun by a request; its later lines are nobody's."""
    over = asyncio.Event()

    async def later() -> Trace | None:
        await over.wait()
        return current_trace()

    with traced(Trace("a")):
        assert current_trace() == Trace("a")
        task = asyncio.create_task(later())
    over.set()

    assert await task is None
    assert current_trace() is None


async def test_a_run_is_logged_and_answered_by_its_name(
    serve_fake: ServeFake, logs: Events
) -> None:
    """Each line of the run has the names, and so has its answer."""
    async with serve_fake() as http:
        await http.until_ready()
        named = {"X-Request-Id": "web-7", "traceparent": PARENT}
        answer = await http.ask(RUN, http.kata(), headers=named)
        other = await http.ask(RUN, http.kata())
        refused = await http.ask(RUN, {}, headers=named)

    ended = [event for event in logs if event["message"] == "run ended"]
    assert [event["request_id"] for event in ended] == ["web-7", other.headers["X-Request-Id"]]
    assert ended[0]["trace_id"] == TRACE_ID
    assert "trace_id" not in ended[1]
    assert "traceparent" not in other.headers
    assert answer.headers["X-Request-Id"] == refused.headers["X-Request-Id"] == "web-7"
    assert answer.headers["traceparent"].startswith(f"00-{TRACE_ID}-")
    (line,) = [event for event in logs if event["message"] == "request refused"]
    assert line["request_id"] == "web-7"


async def test_siblings_hear_the_name_of_the_run(serve_fake: ServeFake) -> None:
    """A notice has the names of the request that took a container, as headers."""
    heard: list[Mapping[str, str]] = []

    async def hear(request: web.BaseRequest) -> web.Response:
        heard.append(request.headers)
        return web.json_response({"verdict": "counted"}, status=202)

    runner = web.ServerRunner(web.Server(hear))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]

    async def notices() -> list[Mapping[str, str]]:
        return heard

    try:
        async with serve_fake(siblings=(f"127.0.0.1:{port}",)) as http:
            await http.until_ready()

            async def siblings() -> tuple[SiblingStatus, ...]:
                return http.service.health().siblings

            await eventually(siblings)
            named = {"X-Request-Id": "web-7", "traceparent": PARENT}
            await http.ask(RUN, http.kata(), headers=named)
            (headers, *_) = await eventually(notices)
    finally:
        await runner.cleanup()

    assert headers["X-Request-Id"] == "web-7"
    assert headers["traceparent"].startswith(f"00-{TRACE_ID}-")
