"""What aiohttp refuses itself: bytes that are no request of HTTP, and unknown expectations."""

import asyncio

import pytest

from runner.http.malformed import in_one_line
from tests.runner.http.support import Events
from tests.serving import Served, answer_from

HEAD = b"POST /alive HTTP/1.1\r\nHost: x\r\n"
MALFORMED = {
    "an unknown verb": b"LEARN /alive HTTP/1.1\r\nHost: x\r\n\r\n",
    "no verb": b"hello\r\n\r\n",
    "a header without a colon": HEAD + b"a word\r\n\r\n",
    "a header with a blank before its colon": HEAD + b"Accept : x\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length that is no number": HEAD + b"Content-Length: two\r\n\r\n",
    "a length and chunks": HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a chunk without a size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "an unknown version": b"GET /alive HTTP/3.9\r\nHost: x\r\n\r\n",
    "a long path": b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "a long header": HEAD + b"A: " + b"a" * 9000 + b"\r\n\r\n",
    "an address that is none": b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + b"\r\n\r\n",
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
async def test_it_is_refused_as_any_other_request(
    fake_http: Served, logs: Events, sent: bytes
) -> None:
    """The answer is the contract's JSON; the log has one line for it, and no traceback."""
    async with fake_http.connection() as (reader, writer):
        writer.write(sent)
        answer = await answer_from(reader)
        assert await asyncio.wait_for(reader.read(), 5) == b""

    status, message = answer.refusal
    assert status == 400
    assert message.startswith("this is no HTTP: ")
    assert "\n" not in message
    assert answer.body["exception"]["path"] == ""
    [line] = [event for event in logs if event["level"] in ("WARNING", "ERROR")]
    assert (line["level"], line["message"]) == ("WARNING", "request refused")
    assert "exception" not in line or isinstance(line["exception"], dict)
    assert (await fake_http.ask("/alive")).body == {"alive?": True}


async def test_a_later_request_of_a_connection_may_be_malformed(
    fake_http: Served, logs: Events
) -> None:
    """The requests before it were answered."""
    async with fake_http.connection() as (reader, writer):
        writer.write(b"GET /alive HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await answer_from(reader)).body == {"alive?": True}
        writer.write(MALFORMED["an unknown verb"])
        answer = await answer_from(reader)

    assert answer.status == 400
    assert [event["level"] for event in logs if event["level"] != "INFO"] == ["WARNING"]


EXPECTS = HEAD + b"Expect: %b\r\nContent-Length: 2\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [(MALFORMED["no verb"], 400), (EXPECTS.replace(b"/alive", b"/nowhere") % b"tea", 417)],
    ids=["no HTTP", "an expectation"],
)
async def test_operators_count_each_of_them_once(
    fake_http: Served, sent: bytes, status: int
) -> None:
    """Malformed requests are counted, once each, among the answers to unknown paths."""
    before = await answers_counted(fake_http, status)
    async with fake_http.connection() as (reader, writer):
        writer.write(sent)
        await answer_from(reader)

    assert await answers_counted(fake_http, status) == before + 1


async def answers_counted(http: Served, status: int) -> float:
    """How many requests of unknown paths the metrics say were answered with this status."""
    series = f'runner_http_answers_total{{path="other",status="{status}"}} '
    async with http.session.get(f"{http.url}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.removeprefix(series)) for line in lines if line.startswith(series))


@pytest.mark.parametrize("path", ["/alive", "/run_cyber_dojo_sh", "/nowhere", "/health", "/refill"])
async def test_an_expectation_that_cannot_be_met_is_refused(
    fake_http: Served, logs: Events, path: str
) -> None:
    """An expectation that cannot be met is refused in the form of any refusal,
    before the body is sent.
    """
    request = EXPECTS.replace(b"/alive", path.encode()) % b"tea"
    async with fake_http.connection() as (reader, writer):
        writer.write(request)
        answer = await answer_from(reader)

    message = "Expect: the only expectation that can be met is 100-continue"
    assert answer.refusal == (417, message)
    assert (answer.exception["path"], answer.headers["Connection"]) == (path, "close")
    [line] = [event for event in logs if event["level"] in ("WARNING", "ERROR")]
    assert line["message"] == "request refused"


@pytest.mark.parametrize("expected", [b"100-continue", b"100-Continue"])
async def test_a_client_may_wait_before_it_sends_a_body(fake_http: Served, expected: bytes) -> None:
    """A client that waits before it sends its body is told to go on, and then gets its answer."""
    async with fake_http.connection() as (reader, writer):
        writer.write(EXPECTS % expected)
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"{}")
        answer = await answer_from(reader)

    assert answer.body == {"alive?": True}


def test_words_of_the_parser() -> None:
    """The line that points to a place in the line above it would point nowhere."""
    words = "Invalid method encountered:\n\n  b'LEARN /'\n     ^"

    assert in_one_line(words) == "Invalid method encountered: b'LEARN /'"
