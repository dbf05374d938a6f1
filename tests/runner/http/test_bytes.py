"""The bytes of the contract's answers: start-point authors' scripts and old clients compare text.

Every request here is bytes as well, as old clients write what no client library of today would.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.runner.http.support import ABSENT, PULL, RUN
from tests.serving import Served

PULL_BODY = json.dumps({"id": "x", "image_name": FAKE_IMAGE}).encode()
PULLED = b'{"pull_image":"pulled"}'


async def exchange(http: Served, request: bytes) -> tuple[bytes, dict[bytes, bytes], bytes]:
    """The status line, the headers and the body of an answer after which the connection ends."""
    async with http.connection() as (reader, writer):
        writer.write(request)
        answer = await reader.read()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    return status, dict(line.split(b": ", 1) for line in lines), body


def request(
    path: str,
    body: bytes = b"",
    *,
    verb: str = "GET",
    version: str = "1.1",
    headers: tuple[str, ...] = ("Connection: close",),
) -> bytes:
    """A request with a Host, these headers, and the length of a body that has one."""
    length = (f"Content-Length: {len(body)}",) if body else ()
    lines = (f"{verb} {path} HTTP/{version}", "Host: runner:4597", *headers, *length)
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n" + body


def result(**keys: Any) -> bytes:
    """A run's answer with all of its seven keys in their order; those not given are empty."""
    texts = {name: {"content": "", "truncated": False} for name in ("stdout", "stderr")}
    rest = {"status": "0", "outcome": "green", "log": {}, "created": {}, "changed": {}}
    answer = {"run_cyber_dojo_sh": {**texts, **rest, **keys}}
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    ("path", "body", "answer"),
    [
        ("/alive", b"", b'{"alive?":true}'),
        ("/alive?", b"{}", b'{"alive?":true}'),
        ("/ready", b"", b'{"ready?":true}'),
        ("/ready?", b" {} \n", b'{"ready?":true}'),
        ("/sha", b"", b'{"sha":"a1b2c3"}'),
        (PULL, PULL_BODY, PULLED),
        (
            PULL,
            PULL_BODY.replace(FAKE_IMAGE.encode(), ABSENT.encode()),
            b'{"pull_image":"pulling"}',
        ),
    ],
)
async def test_an_answer_has_these_bytes(
    fake_http: Served, path: str, body: bytes, answer: bytes
) -> None:
    """An answer is compact JSON, with its length, and a content type without a charset."""
    status, headers, found = await exchange(fake_http, request(path, body))

    assert (status, found) == (b"HTTP/1.1 200 OK", answer)
    assert headers[b"Content-Type"] == b"application/json"
    assert headers[b"Content-Length"] == str(len(answer)).encode()
    assert not {b"Content-Encoding", b"Transfer-Encoding", b"Vary"} & set(headers)


async def test_what_is_not_ready_has_these_bytes(serve_fake: ServeFake) -> None:
    """A script that waits for `true` sees `false` in the same form."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.service.drain()
        _, _, body = await exchange(http, request("/ready?"))

    assert body == b'{"ready?":false}'


@pytest.mark.parametrize(
    ("script", "files", "answer"),
    [
        ("printf x; printf y >&2; exit 1", {},
         result(stdout={"content": "x", "truncated": False},
                stderr={"content": "y", "truncated": False}, status="1", outcome="red")),
        ("printf z > b; printf z > a; printf z > old", {"old": ""},
         result(created={name: {"content": "z", "truncated": False} for name in ("a", "b")},
                changed={"old": {"content": "z", "truncated": False}})),
    ],
)  # fmt: skip
async def test_a_run_has_these_bytes(
    fake_http: Served, script: str, files: dict[str, str], answer: bytes
) -> None:
    """The seven keys come in the order stdout, stderr, status, outcome, log, created, changed;
    created files come in the order of their names.
    """
    body = json.dumps(fake_http.kata(script, files)).encode()
    status, headers, found = await exchange(fake_http, request(RUN, body))

    assert (status, found) == (b"HTTP/1.1 200 OK", answer)
    assert headers[b"Content-Type"] == b"application/json"


async def test_a_run_of_an_absent_image_has_these_bytes(fake_http: Served) -> None:
    """A run without its image has nothing but a status and an outcome."""
    body = json.dumps(fake_http.kata(image_name=ABSENT)).encode()
    _, _, found = await exchange(fake_http, request(RUN, body))

    assert found == result(status="141", outcome="pulling")


async def test_characters_are_written_as_ruby_writes_them(fake_http: Served) -> None:
    """All but quotes, backslashes and control characters below a blank stand for themselves."""
    files = {"text": 'é\u2028\U0001f600</script>\x7f"\\/\b\f\n\r\t\x01\x1f'}
    body = json.dumps(fake_http.kata("cat text", files)).encode()
    _, _, found = await exchange(fake_http, request(RUN, body))

    content = 'é\u2028\U0001f600</script>\x7f\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f'
    assert f'"stdout":{{"content":"{content}",'.encode() in found


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("/alive/", b"", "400 Bad Request", "unknown path"),
        ("/", b"", "400 Bad Request", "unknown path"),
        ("/alive", b"x", "400 Bad Request", "body is not JSON"),
        ("/ready", b"[]", "400 Bad Request", "body is not JSON Hash"),
        ("/sha", b'{"a":1}', "500 Internal Server Error",
         "wrong number of arguments (given 1, expected 0)"),
        (PULL, b"", "400 Bad Request", "missing arguments: :id, :image_name"),
        (PULL, b'{"id":1,"image_name":2,"x":3}', "400 Bad Request", "unknown argument: :x"),
        (RUN, b'{"id":1}', "400 Bad Request", "missing arguments: :files, :manifest"),
    ],
)  # fmt: skip
async def test_a_refusal_has_these_bytes(
    fake_http: Served, path: str, body: bytes, status: str, message: str
) -> None:
    """A refusal is one key with path, body, class, message and backtrace, in this order."""
    line, headers, found = await exchange(fake_http, request(path, body))

    exception = {"path": path, "body": body.decode(), "class": "Runner", "message": message}
    answer = json.dumps({"exception": {**exception, "backtrace": []}}, separators=(",", ":"))
    assert (line, found) == (f"HTTP/1.1 {status}".encode(), answer.encode())
    assert headers[b"Content-Type"] == b"application/json"


def chunked(path: str, body: bytes) -> bytes:
    """A request whose body comes without its length."""
    headers = ("Connection: close", "Transfer-Encoding: chunked")
    return request(path, headers=headers) + b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


WAYS: dict[str, Callable[[str, bytes], bytes]] = {
    "GET without a content type": request,
    "POST without a content type": lambda path, body: request(path, body, verb="POST"),
    "HTTP/1.0": lambda path, body: request(path, body, version="1.0", headers=()),
    "chunked": chunked,
    "absolute": lambda path, body: request(f"http://runner:4597{path}", body),
    "with a query": lambda path, body: request(f"{path}?a=b&c", body),
    "with an empty query": lambda path, body: request(f"{path}?", body),
    "as Ruby's Net::HTTP": lambda path, body: request(
        path,
        body,
        headers=(
            "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3",
            "Accept: */*",
            "User-Agent: Ruby",
            "Content-Type: application/x-www-form-urlencoded",
            "Connection: close",
        ),
    ),
    "as Java's client, which would go on in HTTP/2": lambda path, body: request(
        path,
        body,
        headers=(
            "Connection: Upgrade, HTTP2-Settings, close",
            "Upgrade: h2c",
            "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA",
        ),
    ),
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
async def test_an_old_clients_way(fake_http: Served, way: Callable[[str, bytes], bytes]) -> None:
    """Whatever a client's library makes of a request, the same arguments get the same bytes."""
    status, headers, body = await exchange(fake_http, way(PULL, PULL_BODY))

    assert (status.split(b" ", 1)[1], body) == (b"200 OK", PULLED)
    assert (headers[b"Content-Type"], headers.get(b"Content-Encoding")) == (
        b"application/json",
        None,
    )


async def test_a_client_that_waits_for_a_sign(fake_http: Served) -> None:
    """curl sends a large body only after a word that it may."""
    headers = ("Connection: close", "Expect: 100-continue")
    status, _, rest = await exchange(fake_http, request(PULL, PULL_BODY, headers=headers))

    assert status == b"HTTP/1.1 100 Continue"
    assert rest.startswith(b"HTTP/1.1 200 OK\r\n")
    assert rest.endswith(b"\r\n\r\n" + PULLED)


@pytest.mark.parametrize(
    ("path", "body", "status", "length"),
    [
        ("/alive", b"", b"200 OK", len(b'{"alive?":true}')),
        (PULL, PULL_BODY, b"200 OK", len(PULLED)),
        ("/alive", b"[]", b"400 Bad Request", None),
    ],
)
async def test_a_head_has_no_body(
    fake_http: Served, path: str, body: bytes, status: bytes, length: int | None
) -> None:
    """HEAD is a verb like the others, but its answer is the head alone."""
    line, headers, found = await exchange(fake_http, request(path, body, verb="HEAD"))

    assert (line.split(b" ", 1)[1], found) == (status, b"")
    assert headers[b"Content-Type"] == b"application/json"
    assert length is None or int(headers[b"Content-Length"]) == length


@pytest.mark.parametrize(("verb", "path"), [("OPTIONS", "*"), ("CONNECT", "runner:4597")])
async def test_a_request_without_a_path(fake_http: Served, verb: str, path: str) -> None:
    """What names no path at all is an unknown path, too, and never 404."""
    status, headers, body = await exchange(fake_http, request(path, verb=verb))

    assert status == b"HTTP/1.1 400 Bad Request"
    assert headers[b"Content-Type"] == b"application/json"
    assert json.loads(body)["exception"]["message"] == "unknown path"
