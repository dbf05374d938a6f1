"""What is refused, with which status and in which words."""

import json
from typing import Any

import pytest

from pool import EngineError, Image
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeContainers, FakeEngine, FakeImages
from tests.runner.http.support import KIB, PULL, RUN, Events, text
from tests.serving import Served

NO_JSON = {
    "a word": b"hello",
    "half an object": b'{"id"',
    "two objects": b"{}{}",
    "NaN": b'{"id": NaN}',
    "Infinity": b'{"id": -Infinity}',
    "a lone surrogate": b'{"id": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"id": 1}'.encode("utf-16"),
    "invalid UTF-8": b'{"id": "\xff"}',
    "a control character": b'{"id": "\x01"}',
    "nesting": b'{"id":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "nested objects": b'{"id":' * 20_000,
    "blanks": b"  ",
    "a number of 5,000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "a NUL": b'{"id": 1}\0',
}


@pytest.mark.parametrize("path", ["/alive", RUN, "/nowhere"])
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_a_body_that_is_no_json_is_refused(fake_http: Served, path: str, body: bytes) -> None:
    """A body that is no JSON is 400 on any path, as it is parsed before the path is looked at."""
    assert (await fake_http.ask(path, body)).refusal == (400, "body is not JSON")


@pytest.mark.parametrize("path", ["/alive", RUN, "/nowhere"])
@pytest.mark.parametrize("body", [b"null", b"[]", b"true", b"42", b'"{}"', b"[{}]"])
async def test_a_body_that_is_no_object_is_refused(
    fake_http: Served, path: str, body: bytes
) -> None:
    """JSON that is no object is 400 on any path."""
    assert (await fake_http.ask(path, body)).refusal == (400, "body is not JSON Hash")


@pytest.mark.parametrize(
    "path", ["/", "/alive/", "/nowhere", "//alive", "/Alive", "/alive/x", "/a/../alive", RUN + "/"]
)
@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_refused(fake_http: Served, path: str, verb: str) -> None:
    """An unknown path is 400, never 404 or 405, and a slash too many makes a path unknown."""
    request = f"{verb} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    assert (await fake_http.raw(request)).refusal == (400, "unknown path")


async def test_a_tunnel_is_refused(fake_http: Served) -> None:
    """The service is no proxy: whatever CONNECT names is an unknown path."""
    for target in ("x:80", "/sha", "/"):
        request = f"CONNECT {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

        assert (await fake_http.raw(request)).refusal == (400, "unknown path")


@pytest.mark.parametrize(
    "path",
    [b"/%ff%fe", b"/%00", b"/%2Falive", b"/alive%2F", b"/..%2Falive", b"/%ED%A0%80", b"/%0d%0a"],
)
async def test_a_path_of_odd_bytes_is_refused(fake_http: Served, path: bytes) -> None:
    """A path that is no text in UTF-8 is an unknown path, too."""
    answer = await fake_http.raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\n\r\n")

    assert answer.refusal == (400, "unknown path")


@pytest.mark.parametrize(
    ("path", "names", "message"),
    [
        (RUN, ("files", "manifest"), "missing argument: :id"),
        (RUN, ("manifest",), "missing arguments: :id, :files"),
        (RUN, ("id", "files"), "missing argument: :manifest"),
        (RUN, ("id", "files", "manifest", "x"), "unknown argument: :x"),
        (RUN, ("x", "id", "y", "files", "manifest"), "unknown arguments: :x, :y"),
        (RUN, ("manifest", "x"), "missing arguments: :id, :files"),
        (RUN, ("id", "files", "manifest", "image_name"), "unknown argument: :image_name"),
        (RUN, ("id", "files", "manifest", "a b"), 'unknown argument: :"a b"'),
        (PULL, (), "missing arguments: :id, :image_name"),
        (PULL, ("id",), "missing argument: :image_name"),
        (PULL, ("id", "image_name", "files"), "unknown argument: :files"),
    ],
)
async def test_arguments_must_be_those_of_the_path(
    fake_http: Served, path: str, names: tuple[str, ...], message: str
) -> None:
    """Wrong names of arguments are 400: first the missing ones, then the unknown,
    before any value.
    """
    answer = await fake_http.ask(path, dict.fromkeys(names))

    assert answer.refusal == (400, message)


@pytest.mark.parametrize("path", ["/alive", "/ready", "/sha"])
async def test_paths_without_arguments_take_none(fake_http: Served, path: str) -> None:
    """An argument to a path that takes none is 500, in Ruby's words."""
    answer = await fake_http.ask(path, {"id": 1})

    assert answer.refusal == (500, "wrong number of arguments (given 1, expected 0)")


def with_files(files: Any) -> dict[str, Any]:
    """The change of a run's arguments that replaces its files."""
    return {"files": files}


def with_manifest(**fields: Any) -> dict[str, Any]:
    """The change of a run's arguments that replaces fields of its manifest."""
    return {"manifest": {"image_name": FAKE_IMAGE, "max_seconds": 10, **fields}}


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("files", with_files(None)),
        ("files", with_files([])),
        ("files", with_files("cyber-dojo.sh")),
        ("files.cyber-dojo.sh", with_files({"cyber-dojo.sh": None})),
        ("files.cyber-dojo.sh", with_files({"cyber-dojo.sh": 1})),
        ("files.a/b", with_files({"a/b": {"content": "x"}})),
        ("files.int", with_files({"int": 1})),
        ("files.float", with_files({"float": None})),
        ("files.str", with_files({"str": ["x"]})),
        ("files.[key]", with_files({"[key]": {}})),
        ("manifest", {"manifest": None}),
        ("manifest", {"manifest": []}),
        ("manifest.image_name", {"manifest": {"max_seconds": 10}}),
        ("manifest.image_name", with_manifest(image_name=None)),
        ("manifest.image_name", with_manifest(image_name=1)),
        ("manifest.image_name", with_manifest(image_name="")),
        ("manifest.image_name", with_manifest(image_name="alpine; rm")),
        ("manifest.image_name", with_manifest(image_name="alpine\n")),
        ("manifest.image_name", with_manifest(image_name="Upper/case")),
        ("manifest.max_seconds", {"manifest": {"image_name": FAKE_IMAGE}}),
        ("manifest.max_seconds", with_manifest(max_seconds=None)),
        ("manifest.max_seconds", with_manifest(max_seconds=True)),
        ("manifest.max_seconds", with_manifest(max_seconds="")),
        ("manifest.max_seconds", with_manifest(max_seconds="ten")),
        ("manifest.max_seconds", with_manifest(max_seconds="nan")),
        ("manifest.max_seconds", with_manifest(max_seconds="0x10")),
        ("manifest.max_seconds", with_manifest(max_seconds=[10])),
        ("manifest.max_seconds", with_manifest(max_seconds={})),
        ("manifest.max_seconds", with_manifest(max_seconds={"int": "x"})),
        ("manifest.rag_lambda", with_manifest(rag_lambda=None)),
        ("manifest.rag_lambda", with_manifest(rag_lambda=42)),
        ("manifest.hidden_filenames", with_manifest(hidden_filenames=None)),
        ("manifest.hidden_filenames", with_manifest(hidden_filenames=".*")),
        ("manifest.hidden_filenames.1", with_manifest(hidden_filenames=["a", 1])),
    ],
)
async def test_a_value_of_a_wrong_type_is_named(
    fake_http: Served, field: str, changes: dict[str, Any]
) -> None:
    """A value of a wrong type is 500, and the message begins with the field's name."""
    answer = await fake_http.ask(RUN, {**fake_http.kata(), **changes})

    status, message = answer.refusal
    assert status == 500
    assert message.startswith(f"{field}: ")


@pytest.mark.parametrize("name", [None, 1, "", "a b", "A", "a\n", "../x", "a" * 600, "a:", "a@b"])
async def test_an_image_to_pull_must_have_a_name(fake_http: Served, name: Any) -> None:
    """A malformed image_name is 500, and nothing is pulled."""
    assert fake_http.fake is not None
    pulls = len(fake_http.fake.images.pulls)
    answer = await fake_http.ask(PULL, {"id": "x", "image_name": name})

    status, message = answer.refusal
    assert status == 500
    assert message.startswith("image_name: ")
    assert len(fake_http.fake.images.pulls) == pulls


@pytest.mark.parametrize(
    "name",
    [
        "../x", "/x", "/etc/passwd", "a/../../b", "..", "a/..", ".", "", "a/", "a/.", "//a",
        "nul\0byte", "../home/sandbox/x", "x" * 256, "é" * 128, "/".join(["x" * 200] * 21),
    ],
)  # fmt: skip
async def test_a_name_that_no_file_can_have_is_refused(fake_http: Served, name: str) -> None:
    """A name that no file can have is 400 and named in the message, and nothing is run."""
    assert fake_http.fake is not None
    runs = len(fake_http.fake.kata.seen)
    answer = await fake_http.ask(RUN, fake_http.kata(files={name: "x"}))

    status, message = answer.refusal
    assert status == 400
    assert message.startswith(f"files: the name {json.dumps(name)} ")
    assert len(fake_http.fake.kata.seen) == runs


async def test_a_name_is_cleaned_of_what_leads_nowhere(http: Served) -> None:
    """`./a` and `d//a` are `a` and `d/a`, for the program and in the answer."""
    files = {"./a": "1", "d//a": "2", "e/./a": "3"}
    result = await http.run("cat a d/a e/a; printf x >> d/a", files)

    assert result["stdout"] == text("123")
    assert (result["created"], result["changed"]) == ({}, {"d/a": text("2x")})


async def test_the_last_of_two_files_of_one_name_counts(fake_http: Served) -> None:
    """Two equal keys of an object are no error in JSON, and the original takes the last."""
    body = json.dumps(fake_http.kata("cat a", {"a": "1", "b": "2"})).replace('"b"', '"a"').encode()
    answer = await fake_http.ask(RUN, body)

    assert answer.body["run_cyber_dojo_sh"]["stdout"] == text("2")


async def test_a_nul_is_a_character_of_a_file(http: Served) -> None:
    """A NUL in a file reaches the program as it was sent."""
    result = await http.run("tr '\\0' x < a", {"a": "1\0002"})

    assert result["stdout"] == text("1x2")


async def test_a_file_cannot_be_a_directory_too(fake_http: Served) -> None:
    """A file `a` beside a file `a/b` is 400, and the message names it."""
    answer = await fake_http.ask(RUN, fake_http.kata(files={"a/b": "", "a": ""}))

    assert answer.refusal == (400, 'files: the name "a" is a file and a directory at once')


async def test_a_refusal_says_what_was_asked(fake_http: Served) -> None:
    """A refusal is {"exception": {path, body, class, message, backtrace}}, the body being raw."""
    answer = await fake_http.ask("/nowhere?a=b", b'{ "id":\t"<b>\xc3\xa9" }')

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.exception == {
        "path": "/nowhere",
        "body": '{ "id":\t"<b>é" }',
        "class": "Runner",
        "message": "unknown path",
        "backtrace": [],
    }


async def test_a_message_is_bounded(fake_http: Served) -> None:
    """A refusal's message is bounded, however long the names are of which it complains."""
    answer = await fake_http.ask(PULL, {"id": 1, "image_name": "gcc", "x" * 1_000_000: 1})

    assert answer.status == 400
    assert answer.exception["message"].startswith("unknown argument: :xxx")
    assert len(answer.exception["message"]) == 10_000


async def test_a_refused_body_is_logged_short(fake_http: Served, logs: Events) -> None:
    """The client gets the first 50 KiB of it, the log the first 500 characters."""
    answer = await fake_http.ask("/alive", b"x" * 100_000)
    (event,) = [event for event in logs if "exception" in event]

    assert answer.exception["body"] == "x" * 50 * KIB
    assert event["exception"] == {**answer.exception, "body": "x" * 500}


async def test_a_refusal_is_logged(fake_http: Served, logs: Events) -> None:
    """The log has the same JSON as the client."""
    answer = await fake_http.ask(RUN, {"id": '{0.__class__} <b> \x1b[31m \r\n "é"'})

    assert [event["exception"] for event in logs if "exception" in event] == [answer.exception]


async def test_a_refused_body_that_is_no_text_is_shown_all_the_same(fake_http: Served) -> None:
    """Invalid bytes are replaced in the echo of a refused body."""
    answer = await fake_http.ask("/alive", b"\xff{")

    assert answer.exception["body"] == "\N{REPLACEMENT CHARACTER}{"


class BrokenImages(FakeImages):
    """Images whose look-up fails in a way that nobody foresaw."""

    async def image(self, name: str) -> Image:
        """Raises what no engine would."""
        raise RuntimeError("secret of /srv/runner/container/images.py")


async def test_an_unexpected_error_leaks_nothing(serve_fake: ServeFake, logs: Events) -> None:
    """An unexpected error is 500 without a path or a trace; the log has both."""
    engine = FakeEngine()
    images = engine.images = BrokenImages()
    engine.containers = FakeContainers(images, engine.containers.programs)
    async with serve_fake(engine) as http:
        answer = await http.ask(PULL, {"id": "x", "image_name": http.image})

    assert answer.refusal == (500, "unexpected error")
    assert answer.exception["backtrace"] == []
    assert "secret" not in json.dumps(answer.body)
    assert any("secret" in str(event.get("exception")) for event in logs)


async def test_an_engine_that_is_down_is_no_unexpected_error(serve_fake: ServeFake) -> None:
    """`pull_image` answers 500 in the engine's words when the engine does not."""

    class DownImages(FakeImages):
        async def image(self, name: str) -> Image:
            raise EngineError("inspect", "cannot connect", image=name)

    engine = FakeEngine()
    images = engine.images = DownImages()
    engine.containers = FakeContainers(images, engine.containers.programs)
    async with serve_fake(engine) as http:
        pulled = await http.ask(PULL, {"id": "x", "image_name": http.image})
        run = await http.run()

    assert pulled.refusal == (500, f"inspect {FAKE_IMAGE}: cannot connect")
    assert (run["outcome"], run["status"]) == ("faulty", "143")
    assert run["log"] == {"reason": "cannot connect", "stderr": "cannot connect"}
