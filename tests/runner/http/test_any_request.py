"""Whatever a client sends: an answer of the contract, and a service that lives on."""

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.examples import examples
from tests.fakes import FakeEngine, archive, framed
from tests.runner.http.support import PULL, RUN
from tests.serving import Answer, Served

pytestmark = pytest.mark.fuzz

EXAMPLES = settings(max_examples=examples(75))
NAMES = {RUN: "run_cyber_dojo_sh", PULL: "pull_image"} | {
    "/alive": "alive?", "/ready": "ready?", "/sha": "sha"
}  # fmt: skip
KEYS = {"stdout", "stderr", "status", "outcome", "log", "created", "changed"}
REFUSALS = {400, 403, 408, 413, 415, 500, 503}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)
IMAGES = st.sampled_from(
    [FAKE_IMAGE, "gcc", "a/b@sha256:" + "0" * 64, "sha256:ab", "A b", "", "../x"]
)
FILES = st.dictionaries(st.text(max_size=20) | st.sampled_from(["../x", "a//b", "cyber-dojo.sh"]),
                        st.text() | JSON, max_size=4)  # fmt: skip
MANIFESTS = st.fixed_dictionaries(
    {"image_name": IMAGES | JSON, "max_seconds": st.sampled_from([1, "10", "x", 1e308, -1]) | JSON},
    optional={"rag_lambda": st.text() | JSON, "hidden_filenames": st.lists(st.text()) | JSON},
)
ARGUMENTS = st.dictionaries(st.text(), JSON, max_size=3) | st.fixed_dictionaries(
    {"id": JSON}, optional={"files": FILES | JSON, "manifest": MANIFESTS | JSON,
                            "image_name": IMAGES | JSON, "x": JSON}
)  # fmt: skip
RUNS = st.fixed_dictionaries({"id": JSON, "files": FILES, "manifest": MANIFESTS})
PATHS = st.sampled_from(sorted(NAMES)) | st.text(max_size=10).map(lambda text: f"/{text!r}")


@pytest_asyncio.fixture(scope="module")
async def http(serve_fake: ServeFake) -> AsyncIterator[Served]:
    """A service whose containers answer at once, and run nothing that a client sends."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: framed(kata, archive({".dojo/status": b"0   "}))
    async with serve_fake(engine, runs_at_once=4) as served:
        await served.until_ready()
        yield served


def assert_of_the_contract(path: str, answer: Answer) -> None:
    """Either the one key of the path, or an exception of the contract's form that was foreseen."""
    if answer.status == 200:
        [(name, value)] = answer.body.items()
        assert name == NAMES[path]
        assert path != RUN or set(value) == KEYS
        return
    assert answer.status in REFUSALS
    assert set(answer.exception) == {"path", "body", "class", "message", "backtrace"}
    assert (answer.exception["class"], answer.exception["backtrace"]) == ("Runner", [])
    assert answer.exception["message"] != "unexpected error"


async def assert_alive(http: Served) -> None:
    """The service answers as ever."""
    assert (await http.ask("/alive")).body == {"alive?": True}
    assert (await http.ask("/ready")).body == {"ready?": True}


def as_json(value: Any) -> bytes:
    """JSON, with NaN and Infinity, and with lone surrogates as escapes."""
    return json.dumps(value).encode()


@EXAMPLES
@given(path=PATHS, body=st.binary(max_size=300) | JSON.map(as_json))
async def test_any_body(http: Served, path: str, body: bytes) -> None:
    """Any bytes and any JSON are answered on any path."""
    answer = await http.ask(path, body)

    assert_of_the_contract(path, answer)
    await assert_alive(http)


@EXAMPLES
@given(path=st.sampled_from([RUN, PULL]), arguments=ARGUMENTS | RUNS)
async def test_any_arguments(http: Served, path: str, arguments: dict[str, Any]) -> None:
    """Arguments that are almost right, in any of their parts, are run or refused for a reason."""
    answer = await http.ask(path, as_json(arguments))

    assert_of_the_contract(path, answer)
    await assert_alive(http)


VERBS = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
KINDS = st.sampled_from(["text/plain", "application/json", "x", "multipart/form-data", "a/b;c"])
ENCODINGS = st.sampled_from(["identity", "gzip", "br", "x"])


@EXAMPLES
@given(verb=VERBS, kind=KINDS, encoding=ENCODINGS)
async def test_any_verb_and_headers(http: Served, verb: str, kind: str, encoding: str) -> None:
    """The verb and the type of the content change nothing, and an encoding is refused."""
    headers = {"Content-Type": kind, "Content-Encoding": encoding}
    answer = await http.ask("/sha", b"{}", verb, headers=headers)

    assert_of_the_contract("/sha", answer)
    await assert_alive(http)


HEADS = st.sampled_from(
    [
        b"",
        b"GET /alive HTTP/1.1\r\n",
        b"POST /refill HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /sha HTTP/1.1\r\nContent-Length: ",
    ]
)


@EXAMPLES
@given(head=HEADS, rest=st.binary(max_size=200))
async def test_any_bytes_on_a_connection(http: Served, head: bytes, rest: bytes) -> None:
    """Bytes that are no HTTP are answered, or the connection is closed.

    They are never a failure of the service.
    """
    async with http.connection() as (reader, writer):
        said = b""
        writer.write(head + rest)
        with suppress(ConnectionError):  # closed with bytes unread
            writer.write_eof()
            said = await reader.read(64 * 1024)

    assert not said.startswith(b"HTTP/1.1 500 Internal")
    assert b"unexpected error" not in said
    await assert_alive(http)
