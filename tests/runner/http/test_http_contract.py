"""The contract over HTTP, line by line; what holds on a real engine is asked of both engines."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from pool import EngineError, Image
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeContainers, FakeEngine, FakeImages, Kata, archive, framed
from tests.serving import Served, answer_from

RUN, PULL = "/run_cyber_dojo_sh", "/pull_image"
KIB, MIB = 1024, 1024 * 1024
ABSENT = "localhost:1/not/here:1"  # nothing listens there: its pull fails at once

Events = list[dict[str, Any]]


def text(content: str = "", *, truncated: bool = False) -> dict[str, Any]:
    """As a run answers it."""
    return {"content": content, "truncated": truncated}


# --- paths and verbs ---


@pytest.mark.parametrize("path", ["/alive", "/alive?", "/alive?x=1"])
async def test_alive_is_true(http: Served, path: str) -> None:
    """`/alive`, also with an empty query string, says {"alive?": true} as JSON."""
    answer = await http.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert (answer.status, answer.body) == (200, {"alive?": True})
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_ready_is_true(http: Served) -> None:
    """`/ready?` says {"ready?": true} once the engine has answered."""
    answer = await http.raw(b"GET /ready? HTTP/1.1\r\nHost: x\r\n\r\n")

    assert (answer.status, answer.body) == (200, {"ready?": True})


async def test_ready_is_true_while_every_pool_is_cold(serve_fake: ServeFake) -> None:
    """A service that has nothing warm, and starts nothing, is ready."""
    async with serve_fake(warm=0) as http:
        await http.until_ready()

        assert http.service.health().as_json()["images"] == {}


async def test_ready_is_false_while_the_engine_is_down(serve_fake: ServeFake) -> None:
    """A service whose engine does not answer is alive and not ready."""
    engine = FakeEngine()
    engine.containers.fail_lists = EngineError("list", "cannot connect")
    async with serve_fake(engine) as http:
        alive, ready = await http.ask("/alive"), await http.ask("/ready")
        engine.containers.fail_lists = None

        assert (alive.body, ready.body) == ({"alive?": True}, {"ready?": False})


async def test_ready_is_false_while_draining(serve_fake: ServeFake) -> None:
    """A service that has been told to stop is ready no more."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.service.drain()

        assert (await http.ask("/ready")).body == {"ready?": False}


async def test_sha_is_the_commit(http: Served) -> None:
    """`/sha` says what COMMIT_SHA was."""
    assert (await http.ask("/sha")).body == {"sha": "a1b2c3"}


@pytest.mark.parametrize("verb", ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_the_verb_is_ignored(http: Served, verb: str) -> None:
    """Any verb, with a JSON body, gets the same answer."""
    answer = await http.ask(PULL, {"id": "x", "image_name": http.image}, verb)

    assert (answer.status, answer.body) == (200, {"pull_image": "pulled"})


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_run_is_sent_with_either_verb(http: Served, verb: str) -> None:
    """`web` sends a run by GET with a body, others by POST."""
    answer = await http.ask(RUN, http.kata(), verb)

    assert answer.status == 200
    assert answer.body["run_cyber_dojo_sh"]["outcome"] == "green"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "?"])
async def test_the_content_type_is_not_looked_at(http: Served, content_type: str) -> None:
    """A body is JSON whatever it is called."""
    body = {"id": "x", "image_name": http.image}
    answer = await http.ask(PULL, body, headers={"Content-Type": content_type})

    assert answer.body == {"pull_image": "pulled"}


async def test_an_empty_body_is_an_empty_object(http: Served) -> None:
    """Nothing means {}."""
    answer = await http.ask(RUN)

    assert answer.refusal == (400, "missing arguments: :id, :files, :manifest")


# --- refusals ---

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
    "nesting": b'{"id":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "nested objects": b'{"id":' * 100_000,
    "blanks": b"  ",
}


@pytest.mark.parametrize("path", ["/alive", RUN, "/nowhere"])
@pytest.mark.parametrize("body", NO_JSON.values(), ids=NO_JSON)
async def test_a_body_that_is_no_json_is_refused(fake_http: Served, path: str, body: bytes) -> None:
    """It is 400, whatever the path, since the body is parsed before the path is looked at."""
    assert (await fake_http.ask(path, body)).refusal == (400, "body is not JSON")


@pytest.mark.parametrize("path", ["/alive", RUN, "/nowhere"])
@pytest.mark.parametrize("body", [b"null", b"[]", b"true", b"42", b'"{}"', b"[{}]"])
async def test_a_body_that_is_no_object_is_refused(
    fake_http: Served, path: str, body: bytes
) -> None:
    """It is 400, whatever the path."""
    assert (await fake_http.ask(path, body)).refusal == (400, "body is not JSON Hash")


@pytest.mark.parametrize(
    "path", ["/", "/alive/", "/nowhere", "//alive", "/Alive", "/alive/x", "/a/../alive", RUN + "/"]
)
@pytest.mark.parametrize("verb", ["GET", "POST", "DELETE"])
async def test_an_unknown_path_is_refused(fake_http: Served, path: str, verb: str) -> None:
    """It is 400, never 404 or 405, and a slash too many is unknown."""
    request = f"{verb} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()

    assert (await fake_http.raw(request)).refusal == (400, "unknown path")


@pytest.mark.parametrize("path", [b"/%ff%fe", b"/%00", b"/%ED%A0%80", b"/%0d%0a"])
async def test_a_path_of_odd_bytes_is_refused(fake_http: Served, path: bytes) -> None:
    """What is no text in UTF-8 is an unknown path, too."""
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
    """It is 400; missing comes before unknown, and before any look at the values."""
    answer = await fake_http.ask(path, dict.fromkeys(names))

    assert answer.refusal == (400, message)


@pytest.mark.parametrize("path", ["/alive", "/ready", "/sha"])
async def test_paths_without_arguments_take_none(fake_http: Served, path: str) -> None:
    """It is 500, in Ruby's words."""
    answer = await fake_http.ask(path, {"id": 1})

    assert answer.refusal == (500, "wrong number of arguments (given 1, expected 0)")


def with_files(files: Any) -> dict[str, Any]:
    """What replaces the files of a run."""
    return {"files": files}


def with_manifest(**fields: Any) -> dict[str, Any]:
    """What replaces fields of a run's manifest."""
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
    """It is 500, and the message begins with the field's name."""
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
        "../x", "/x", "/etc/passwd", "a/../../b", "..", "a/..", ".", "", "a//b", "./a", "a/",
        "a/./b", "nul\0byte", "../home/sandbox/x", "x" * 256, "é" * 128, "/".join(["x" * 200] * 21),
    ],
)  # fmt: skip
async def test_a_name_that_no_file_can_have_is_refused(fake_http: Served, name: str) -> None:
    """It is 400, names the file, and nothing is run."""
    assert fake_http.fake is not None
    runs = len(fake_http.fake.kata.seen)
    answer = await fake_http.ask(RUN, fake_http.kata(files={name: "x"}))

    status, message = answer.refusal
    assert status == 400
    assert message.startswith(f"files: the name {json.dumps(name)} ")
    assert len(fake_http.fake.kata.seen) == runs


async def test_a_file_cannot_be_a_directory_too(fake_http: Served) -> None:
    """`a` beside `a/b` is 400, and names it."""
    answer = await fake_http.ask(RUN, fake_http.kata(files={"a/b": "", "a": ""}))

    assert answer.refusal == (400, 'files: the name "a" is a file and a directory at once')


async def test_a_refusal_says_what_was_asked(fake_http: Served) -> None:
    """It is {"exception": {path, body, class, message, backtrace}} as JSON, the body being raw."""
    answer = await fake_http.ask("/nowhere?a=b", b'{ "id":\t"<b>\xc3\xa9" }')

    assert answer.headers["Content-Type"].startswith("application/json")
    assert answer.exception == {
        "path": "/nowhere",
        "body": '{ "id":\t"<b>é" }',
        "class": "Runner",
        "message": "unknown path",
        "backtrace": [],
    }


async def test_a_refusal_is_logged(fake_http: Served, logs: Events) -> None:
    """The log has the JSON that the client got."""
    answer = await fake_http.ask(RUN, {"id": '{0.__class__} <b> \x1b[31m \r\n "é"'})

    assert [event["exception"] for event in logs if "exception" in event] == [answer.exception]


async def test_a_refused_body_that_is_no_text_is_shown_all_the_same(fake_http: Served) -> None:
    """Invalid bytes are replaced in the echo."""
    answer = await fake_http.ask("/alive", b"\xff{")

    assert answer.exception["body"] == "\N{REPLACEMENT CHARACTER}{"


class BrokenImages(FakeImages):
    """Meets what nobody foresaw."""

    async def image(self, name: str) -> Image:
        """Raises what no engine would."""
        raise RuntimeError("secret of /srv/runner/container/images.py")


async def test_an_unexpected_error_leaks_nothing(serve_fake: ServeFake, logs: Events) -> None:
    """It is 500 without a path or a trace; the log has both."""
    engine = FakeEngine()
    images = engine.images = BrokenImages(lambda error: None)
    engine.containers = FakeContainers(images, engine.containers.programs, lambda error: None)
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
    images = engine.images = DownImages(lambda error: None)
    engine.containers = FakeContainers(images, engine.containers.programs, lambda error: None)
    async with serve_fake(engine) as http:
        pulled = await http.ask(PULL, {"id": "x", "image_name": http.image})
        run = await http.run()

    assert pulled.refusal == (500, f"inspect {FAKE_IMAGE}: cannot connect")
    assert (run["outcome"], run["status"]) == ("faulty", "143")
    assert run["log"] == {"reason": "cannot connect"}


# --- bodies ---


async def test_a_body_at_the_limit_is_taken(serve_fake: ServeFake) -> None:
    """The limit itself is not over the limit."""
    async with serve_fake(request_max_bytes=MIB) as http:
        answer = await http.ask("/alive", b"{}".ljust(MIB))

    assert answer.body == {"alive?": True}


async def test_a_body_over_the_limit_is_refused_before_it_comes(serve_fake: ServeFake) -> None:
    """A Content-Length over the limit is 413, and the connection is closed."""
    async with serve_fake(request_max_bytes=MIB) as http:
        answer = await http.raw(
            b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"
        )

    assert answer.refusal == (413, "body: over the limit of 1048576 bytes")
    assert answer.headers["Connection"] == "close"


async def test_a_chunked_body_over_the_limit_is_not_read_on(serve_fake: ServeFake) -> None:
    """One of unknown length is 413 soon after the limit, however much would follow."""
    sent_bytes = 0
    async with serve_fake(request_max_bytes=MIB) as http, http.connection() as (reader, writer):
        writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        answering = asyncio.create_task(answer_from(reader))
        with suppress(ConnectionError):
            while not answering.done() and sent_bytes < 200 * MIB:
                writer.write(b"10000\r\n" + b" " * 64 * KIB + b"\r\n")
                await writer.drain()
                sent_bytes += 64 * KIB
        answer = await answering

    assert answer.refusal == (413, "body: over the limit of 1048576 bytes")
    assert sent_bytes < 32 * MIB  # what the kernel's buffers hold comes on top


async def test_a_body_of_500_kb_passes(http: Served) -> None:
    """A large kata is run with the default limit."""
    result = await http.run("wc -c < large.txt", {"large.txt": "x" * 500_000})

    assert result["stdout"] == text("500000\n")


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x"])
async def test_an_encoded_body_is_refused(fake_http: Served, encoding: str) -> None:
    """Any Content-Encoding is 415: nothing is inflated."""
    body = gzip.compress(b"{}")
    answer = await fake_http.ask("/alive", body, headers={"Content-Encoding": encoding})

    assert answer.refusal == (415, "Content-Encoding: send the body as it is")


async def test_a_body_that_does_not_come_is_refused(serve_fake: ServeFake) -> None:
    """One that is not whole within the time limit is 408, and the connection is closed."""
    async with serve_fake(body_read_s=0.05) as http, http.connection() as (reader, writer):
        writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{")
        answer = await answer_from(reader)
        rest = await reader.read()

    assert answer.refusal == (408, "body: did not arrive in time")
    assert rest == b""


async def test_a_client_that_leaves_in_its_body_is_no_error_of_ours(
    serve_fake: ServeFake, logs: Events
) -> None:
    """Nothing above WARNING is logged for it."""
    async with serve_fake() as http:
        async with http.connection() as (_, writer):
            writer.write(b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
            await writer.drain()
        await http.ask("/alive")

    assert [event for event in logs if event["level"] == "ERROR"] == []


async def test_a_connection_serves_again_after_a_refusal(fake_http: Served) -> None:
    """A request that is refused leaves the connection fit for the next one."""
    request = b"POST /alive HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n%s"
    async with fake_http.connection() as (reader, writer):
        writer.write(request % b"[]")
        first = await answer_from(reader)
        writer.write(request % b"{}")
        second = await answer_from(reader)

    assert (first.status, second.status) == (400, 200)


# --- a run ---


@pytest.mark.parametrize(
    ("status", "outcome"), [(0, "green"), (1, "red"), (3, "amber"), (255, "amber")]
)
async def test_a_run_says_all_of_its_seven_keys(http: Served, status: int, outcome: str) -> None:
    """What was printed, the exit status, the colour, and nothing to say otherwise."""
    result = await http.run(f"echo out; echo err >&2; exit {status}")

    assert result == {
        "stdout": text("out\n"),
        "stderr": text("err\n"),
        "status": str(status),
        "outcome": outcome,
        "log": {},
        "created": {},
        "changed": {},
    }


async def test_a_program_that_is_killed_has_a_shells_status(http: Served) -> None:
    """The status is 128 and the signal's number."""
    result = await http.run("kill -KILL $$")

    assert (result["status"], result["outcome"]) == ("137", "amber")


@pytest.mark.docker
async def test_a_forged_status_does_not_count(docker_http: Served) -> None:
    """What the program writes where its status will be is written over."""
    result = await docker_http.run("printf 0123456789 >/tmp/dojo/status; exit 1")

    assert (result["status"], result["outcome"]) == ("1", "red")


@pytest.mark.docker
async def test_a_program_that_removes_all_leaves_no_status(docker_http: Served) -> None:
    """The status is 145, and the lambda is asked all the same."""
    result = await docker_http.run("echo out; rm -rf /tmp/* /sandbox/*")

    assert (result["status"], result["outcome"]) == ("145", "amber")


async def test_the_script_need_not_be_executable(http: Served) -> None:
    """It is run by bash, in the folder of its files, where files have mode 0644."""
    result = await http.run('stat -c "%a %n" *; [ "$(basename "$PWD")" = sandbox ]')

    assert result["stdout"] == text("644 cyber-dojo.sh\n")
    assert result["status"] == "0"


async def test_a_run_without_its_script_is_bashs_affair(http: Served) -> None:
    """No cyber-dojo.sh gives bash's status and words."""
    result = await http.send({**http.kata(), "files": {}})

    assert result["status"] == "127"
    assert "cyber-dojo.sh" in result["stderr"]["content"]


async def test_the_program_has_no_input(http: Served) -> None:
    """Reading from stdin ends at once."""
    assert (await http.run("cat; echo read"))["stdout"] == text("read\n")


async def test_the_program_sees_its_variables(http: Served) -> None:
    """The image's name, the id and the folder are in the environment, and HOME; no other such."""
    result = await http.run(
        'printf "%s\\n" "$CYBER_DOJO_IMAGE_NAME" "$CYBER_DOJO_ID" "$CYBER_DOJO_SANDBOX"\n'
        "compgen -e | grep -E 'HOME|ID|SANDBOX|IMAGE_NAME' | sort"
    )

    assert result["stdout"]["content"].split("\n") == [
        http.image,
        "aBc123",
        "/sandbox",
        "CYBER_DOJO_ID",
        "CYBER_DOJO_IMAGE_NAME",
        "CYBER_DOJO_SANDBOX",
        "HOME",
        "",
    ]


@pytest.mark.parametrize(
    ("kata_id", "seen"),
    [
        (42, "42"),
        (None, "null"),
        ("", ""),
        ('it\'s "quoted" $(id) `id` \\n %s', 'it\'s "quoted" $(id) `id` \\n %s'),
        ("two\nlines\t日本", "two\nlines\t日本"),
        ({"a": ["é"]}, '{"a": ["é"]}'),
        ("x" * 10_000, "x" * 4096),
        ("nul\0byte", "nulbyte"),
    ],
)
async def test_an_id_is_only_a_text(fake_http: Served, kata_id: Any, seen: str) -> None:
    """Whatever it is, the program can read it and nothing interprets it."""
    kata = fake_http.kata('printf %s "$CYBER_DOJO_ID"')
    result = await fake_http.send({**kata, "id": kata_id})

    assert result["stdout"] == text(seen)


@pytest.mark.docker
async def test_an_odd_id_reaches_a_real_program(docker_http: Served) -> None:
    """As with the fake engine: quotes, backslashes, percent signs and new lines are kept."""
    kata_id = 'it\'s "quoted" $(id) `id` \\n %s \\0000 \n日本\n'
    kata = docker_http.kata('printf "%s." "$CYBER_DOJO_ID"')
    result = await docker_http.send({**kata, "id": kata_id})

    assert result["stdout"] == text(kata_id + ".")


async def test_the_cleaners_can_be_sourced(http: Served) -> None:
    """The three functions that half of all start points call are there."""
    result = await http.run(
        "set -e\nsource ~/cyber_dojo_fs_cleaners.sh\n"
        "cyber_dojo_delete_dirs gone none\ncyber_dojo_delete_files a.txt none\n"
        "cyber_dojo_reset_dirs again\nls -A again\nls",
        {"gone/x": "", "a.txt": "", "again/y": ""},
    )

    assert result["stdout"] == text("again\ncyber-dojo.sh\n")
    assert result["stderr"] == text()


@pytest.mark.parametrize(
    ("max_seconds", "limit_s"),
    [
        (10, 10), (1.5, 1.5), ("10", 10), (" 2.5 ", 2.5), ("1e1", 10), (0, 1), (-1, 1), ("-5", 1),
        (21, 20), (10**9, 20), (10**400, 20), (-(10**400), 1), ("1e999", 20), (0.001, 1),
    ],
)  # fmt: skip
async def test_max_seconds_is_clamped(fake_http: Served, max_seconds: Any, limit_s: float) -> None:
    """A number, or a numeric string, becomes at least 1 and at most the cap."""
    assert fake_http.fake is not None
    body = json.dumps(fake_http.kata(max_seconds=max_seconds)).encode()
    answer = await fake_http.ask(RUN, body)

    assert answer.status == 200
    assert fake_http.fake.kata.seen[-1].limit_s == limit_s


async def test_real_manifests_hold_more(fake_http: Served) -> None:
    """Fields of a manifest that are not ours are ignored."""
    result = await fake_http.run(display_name="C, assert", visible_files={}, tab_size=4)

    assert result["outcome"] == "green"


async def test_a_good_run_logs_nothing(http: Served, logs: Events) -> None:
    """Nothing above DEBUG is logged for it."""
    await http.run()

    assert [event for event in logs if event["level"] not in ("TRACE", "DEBUG")] == []


# --- images and pulls ---


async def test_a_run_on_an_absent_image_pulls_it(http: Served) -> None:
    """The outcome is `pulling`, the status 141, and all else is empty."""
    result = await http.run(image_name=ABSENT)

    assert result == {
        "stdout": text(),
        "stderr": text(),
        "status": "141",
        "outcome": "pulling",
        "log": {},
        "created": {},
        "changed": {},
    }


async def test_a_run_on_an_absent_image_begins_its_pull(serve_fake: ServeFake) -> None:
    """Nobody else need ask for it."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.run(image_name="cyberdojo/new")
        await until(lambda: bool(engine.images.pulls))

    assert engine.images.pulls == ["cyberdojo/new:latest"]


async def test_an_image_on_the_node_is_pulled(http: Served) -> None:
    """What was there at start counts as pulled."""
    answer = await http.ask(PULL, {"id": "x", "image_name": http.image})

    assert answer.body == {"pull_image": "pulled"}


async def test_an_absent_image_is_pulling(http: Served) -> None:
    """What is not there begins to be pulled."""
    answer = await http.ask(PULL, {"id": "x", "image_name": ABSENT})

    assert answer.body == {"pull_image": "pulling"}


@pytest.fixture
async def pulling(serve_fake: ServeFake) -> AsyncIterator[tuple[Served, FakeImages]]:
    """A service whose pulls wait until the test lets them go on."""
    engine = FakeEngine()
    engine.images.may_pull.clear()
    async with serve_fake(engine) as served:
        yield served, engine.images


async def until(is_so: Callable[[], bool]) -> None:
    """Give the background its turns."""
    while not is_so():  # noqa: ASYNC110 - pytest-timeout ends it, no clock does
        await asyncio.sleep(0)


async def test_one_pull_per_image_runs(pulling: tuple[Served, FakeImages]) -> None:
    """A class that is set up sends 16 requests, by several names of one image: one pull."""
    http, images = pulling
    names = ["cyberdojo/new", "cyberdojo/new:latest"] * 8
    for name in names:
        await http.ask(PULL, {"id": "x", "image_name": name})
    await http.run(image_name="cyberdojo/new")

    assert images.pulls == ["cyberdojo/new:latest"]


async def test_a_digest_is_kept(pulling: tuple[Served, FakeImages]) -> None:
    """A name with a digest is pulled as it is."""
    http, images = pulling
    name = "cyberdojo/new@sha256:" + "0123456789abcdef" * 4
    await http.ask(PULL, {"id": "x", "image_name": name})
    await until(lambda: bool(images.pulls))

    assert images.pulls == [name]


async def test_a_pulled_image_runs(pulling: tuple[Served, FakeImages]) -> None:
    """After its pull an image is `pulled`, has warm containers, and is run."""
    http, images = pulling
    name = "cyberdojo/new:latest"
    images.in_registry[name] = images.on_node[FAKE_IMAGE]
    await http.ask(PULL, {"id": "x", "image_name": "cyberdojo/new"})
    images.may_pull.set()
    await until(lambda: bool(http.fake and http.fake.containers.of_image(name)))
    answer = await http.ask(PULL, {"id": "x", "image_name": "cyberdojo/new"})
    result = await http.run(image_name="cyberdojo/new")

    assert answer.body == {"pull_image": "pulled"}
    assert result["outcome"] == "green"


async def test_a_failed_pull_is_forgotten(pulling: tuple[Served, FakeImages]) -> None:
    """The next call after it tries again."""
    http, images = pulling
    images.may_pull.set()
    body = {"id": "x", "image_name": ABSENT}
    first = await http.ask(PULL, body)
    await until(lambda: not http.service.health().as_json()["pulling"])
    second = await http.ask(PULL, body)
    await until(lambda: len(images.pulls) == 2)

    assert first.body == second.body == {"pull_image": "pulling"}


async def test_an_image_that_was_removed_is_noticed(serve_fake: ServeFake) -> None:
    """It is pulled again, and its warm containers go."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.run()
        await until(lambda: bool(engine.containers.of_image(FAKE_IMAGE)))
        engine.images.remove(FAKE_IMAGE)
        result = await http.run()
        answer = await http.ask(PULL, {"id": "x", "image_name": FAKE_IMAGE})
        await until(lambda: not engine.containers.of_image(FAKE_IMAGE))

    assert result["outcome"] == "pulling"
    assert answer.body == {"pull_image": "pulling"}


async def test_an_image_that_was_replaced_is_noticed(serve_fake: ServeFake) -> None:
    """The next run is on the new one, and only on that."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.run()
        new = engine.images.add(FAKE_IMAGE, {"/new": b""})
        result = await http.run()

        assert result["outcome"] == "green"
        assert engine.containers.of_image(FAKE_IMAGE)[-1].spec.image_id == new.image_id


async def test_images_are_asked_for_while_nobody_tells_of_changes(serve_fake: ServeFake) -> None:
    """An image that goes while the engine's events are lost is noticed all the same."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.run()
        engine.images.stop_listening()
        await until(lambda: not http.service.health().as_json()["engine"]["listening"])
        del engine.images.on_node[FAKE_IMAGE]

        assert (await http.run())["outcome"] == "pulling"


async def test_the_lambda_of_an_image_is_read_once(serve_fake: ServeFake) -> None:
    """Once per image id, however many runs there are and whatever the image is called."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        image = engine.images.on_node["cyberdojo/other:latest"] = engine.images.on_node[FAKE_IMAGE]
        await asyncio.gather(*(http.run(rag_lambda=None) for _ in range(3)))
        await http.run(rag_lambda=None, image_name="cyberdojo/other")

    assert engine.images.reads == [image.image_id]


# --- time ---


async def test_a_time_out_keeps_what_was_printed(http: Served, logs: Events) -> None:
    """The status is 142; there is partial output, also of traps, no files, and a reason."""
    result = await http.run(
        "trap 'echo trapped' TERM; trap 'echo left >&2' EXIT; echo begun; echo x > new.txt\n"
        "sleep 30 & wait; exit",
        max_seconds=1,
    )

    assert result == {
        "stdout": text("begun\ntrapped\n"),
        "stderr": text("left\n"),
        "status": "142",
        "outcome": "timed_out",
        "log": {"reason": "stopped after 1 s"},
        "created": {},
        "changed": {},
    }
    (event,) = [event for event in logs if event["level"] == "WARNING"]
    assert (event["kata_id"], event["image"], event["reason"]) == (
        "aBc123",
        http.image,
        "stopped after 1 s",
    )


async def test_a_start_is_not_billed_to_the_learner(serve_fake: ServeFake) -> None:
    """The clock starts when the files are handed over: a late container takes no time away."""
    engine = FakeEngine()
    engine.containers.may_start.clear()
    async with serve_fake(engine) as http:
        running = asyncio.create_task(http.run("sleep 0.5", max_seconds=1))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 1.0)
        engine.containers.may_start.set()

        assert (await running)["outcome"] == "green"


async def test_a_run_ends_within_its_budget(serve_fake: ServeFake) -> None:
    """A container that never gets ready makes the run faulty, before a browser gives up."""
    engine = FakeEngine()
    engine.containers.may_start.clear()
    async with serve_fake(engine, budget_s=2) as http:
        result = await http.run()
        engine.containers.may_start.set()

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert result["log"] == {"reason": "no container was ready in time"}


async def test_a_silent_container_is_a_time_out(serve_fake: ServeFake) -> None:
    """One that answers nothing at all is given up, within the budget."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: b""
    async with serve_fake(engine, budget_s=2) as http:
        result = await http.run(max_seconds=1)

    assert (result["outcome"], result["status"]) == ("timed_out", "142")
    assert "the container was killed" in result["log"]["reason"]


# --- machinery ---


def faulty(status: str, reason: str) -> dict[str, Any]:
    """A run whose container did not do its part."""
    return {
        "stdout": text(),
        "stderr": text(),
        "status": status,
        "outcome": "faulty",
        "log": {"reason": reason},
        "created": {},
        "changed": {},
    }


async def test_a_container_that_dies_is_faulty(serve_fake: ServeFake, logs: Events) -> None:
    """The status is 143, and the log holds how the engine says that it ended."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: None
    async with serve_fake(engine) as http:
        result = await http.run()

    reason = "no answer; the container is exited (137)"
    assert result == faulty("143", reason)
    (event,) = [event for event in logs if event["level"] == "WARNING"]
    assert (event["kata_id"], event["image"], event["reason"]) == ("aBc123", FAKE_IMAGE, reason)


async def test_a_container_that_cannot_start_is_faulty(serve_fake: ServeFake) -> None:
    """The status is 143, and the log holds the engine's words; it is not started for ever."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await until(lambda: bool(engine.containers.starts))  # the traffic light's
        engine.containers.fail_next = [EngineError("start", "no space left")] * 1000
        results = [await http.run() for _ in range(5)]

        assert results == [faulty("143", "no space left")] * 5
        assert len(engine.containers.fail_next) > 990


@pytest.mark.docker
async def test_an_image_without_bash_is_faulty(docker_http: Served) -> None:
    """The log holds the init's own words."""
    result = await docker_http.run(image_name="dojo-runner/no-bash")

    assert (result["outcome"], result["status"]) == ("faulty", "143")
    assert "exec bash failed: No such file or directory" in result["log"]["reason"]


GARBAGE = {
    "not our frame": lambda kata: b"hello\n" + kata.nonce.encode(),
    "no archive": lambda kata: f"{kata.nonce}\n{'x' * 2000}{kata.nonce} done\n".encode(),
    "a torn archive": lambda kata: framed(kata, archive({"tmp/dojo/stdout": b"x" * 5000})[:2000]),
}


@pytest.mark.parametrize("answer", GARBAGE.values(), ids=GARBAGE)
async def test_an_unreadable_answer_is_faulty(
    serve_fake: ServeFake, answer: Callable[[Kata], bytes]
) -> None:
    """The status is 144; a learner who forges the answer gets nothing for it."""
    engine = FakeEngine()
    engine.kata.answer = answer
    async with serve_fake(engine) as http:
        result = await http.run()

    assert result == faulty("144", result["log"]["reason"])
    assert result["log"]["reason"]


async def test_an_answer_without_a_status_gets_a_colour(serve_fake: ServeFake) -> None:
    """The status is 145, which the lambda is asked about."""
    engine = FakeEngine()
    engine.kata.answer = lambda kata: framed(kata, archive({"tmp/dojo/stdout": b"out"}))
    async with serve_fake(engine) as http:
        result = await http.run()

    assert (result["status"], result["outcome"]) == ("145", "amber")
    assert result["stdout"] == text("out")


async def test_a_flood_of_an_answer_is_cut(serve_fake: ServeFake) -> None:
    """What is more than we read is said in the log; what came before it counts."""
    engine = FakeEngine()
    flood = archive({"tmp/dojo/status": b"0   ", "sandbox/a": b"x" * 60 * MIB})
    engine.kata.answer = lambda kata: kata.nonce.encode() + b"\n" + flood
    async with serve_fake(engine) as http:
        result = await http.run()

    assert (result["status"], result["outcome"]) == ("0", "green")
    assert "too large" in result["log"]["harvest"]


async def test_a_container_is_used_once(serve_fake: ServeFake) -> None:
    """Every run has a container of its own, which is removed after it."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=2) as http:
        results = await asyncio.gather(*(http.run("echo x > x; ls") for _ in range(8)))
        await until(lambda: len(engine.containers.removals) == 8)

        assert {result["stdout"]["content"] for result in results} == {"cyber-dojo.sh\nx\n"}
        assert len(set(engine.containers.removals)) == 8
        assert not set(engine.containers.removals) & set(engine.containers.there)


async def test_a_run_goes_on_when_its_client_leaves(serve_fake: ServeFake) -> None:
    """A client that gives up leaves a run that ends, and a container that goes."""
    engine = FakeEngine()
    begun = asyncio.Event()

    def answer(kata: Kata) -> bytes:
        begun.set()
        return b""

    engine.kata.answer = answer
    async with serve_fake(engine, budget_s=2, warm=0) as http:
        asking = asyncio.create_task(http.ask(RUN, http.kata(max_seconds=1)))
        await begun.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not engine.containers.of_image(FAKE_IMAGE))

        assert http.service.health().as_json()["running"] == 0


async def test_a_service_that_drains_takes_no_run(serve_fake: ServeFake) -> None:
    """It is 503 with a Retry-After."""
    async with serve_fake() as http:
        await http.service.drain()
        answer = await http.ask(RUN, http.kata())

    assert answer.status == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_a_start_that_ends_while_draining_leaves_nothing(serve_fake: ServeFake) -> None:
    """A refill that the engine finishes late is removed before the engine is let go of."""
    engine = FakeEngine()
    async with serve_fake(engine, warm=3) as http:
        await http.run()
        engine.containers.may_start.clear()
        await http.run()
        draining = asyncio.create_task(http.service.drain())
        await until(lambda: not engine.containers.there)
        engine.containers.may_remove.clear()
        engine.containers.may_start.set()
        await until(lambda: bool(engine.containers.there))
        for _ in range(100):  # turns in which the engine must not be let go of
            await asyncio.sleep(0)
        engine.containers.may_remove.set()
        await draining

        assert engine.is_closed
        assert engine.containers.there == {}


# --- files ---

ODD_NAMES = [
    "-rf", "--help", "a&b", "two words", "it's", 'say "hi"', "new\nline", "x" * 200, "a.*[b]+(c)^$",
    "naïve-日本語", "[brackets]", ".hidden", "sub/dir/file.txt", "back\\slash", "$(id)", "*",
    "tab\there", "~", "stdout", "status", " ", "a;b|c", "-", "tmp/dojo/stdout", "sandbox/x",
    "%s%n", "\\0000", "e\u0301", "\u00e9", "☃" * 80, "{}", "!", "'", '"', "\r\n", "tmp/dojo/cut/1",
]  # fmt: skip


async def test_a_file_can_have_an_odd_name(http: Served) -> None:
    """What is sent and then changed comes back by its own name, and what is not does not."""
    result = await http.run(
        "find . -type f ! -name cyber-dojo.sh -exec "
        "bash -c 'for f; do echo + >>\"$f\"; done' _ {} +",
        dict.fromkeys(ODD_NAMES, "old\n"),
    )

    assert result["stderr"] == text()
    assert result["changed"] == dict.fromkeys(ODD_NAMES, text("old\n+\n"))
    assert result["created"] == {}


@pytest.mark.parametrize("first", range(0, len(ODD_NAMES), 16))
async def test_a_program_can_make_odd_names(http: Served, first: int) -> None:
    """What is created comes back by its own name."""
    names = ODD_NAMES[first : first + 16]
    result = await http.run(
        'mkdir made; while IFS= read -r -d \'\' name; do mkdir -p "made/$(dirname "./$name")"\n'
        'echo new >"made/$name"; done <names; rm names',
        {"names": "".join(f"{name}\0" for name in names)},
    )

    assert result["created"] == {f"made/{name}": text("new\n") for name in names}


async def test_files_that_are_left_alone_are_not_reported(http: Served) -> None:
    """Neither is one that was rewritten with what it held, nor one that was deleted."""
    result = await http.run(
        "touch same.txt; cat same.txt >copy; cat copy >same.txt; rm copy gone.txt",
        {"same.txt": "é\r\n\0tail", "gone.txt": "x", "empty": ""},
    )

    assert (result["created"], result["changed"]) == ({}, {})


async def test_a_large_file_that_is_left_alone_is_not_reported(http: Served) -> None:
    """However large it is, and whatever else is as large."""
    files = {"a.txt": "a" * 500_000, "b.txt": "b" * 500_000, "c.txt": "é" * 40_000}
    result = await http.run("tr b c <b.txt >made.txt; echo >>c.txt", files)

    assert result["created"] == {"made.txt": text("c" * 51200, truncated=True)}
    assert result["changed"] == {"c.txt": text("é" * 25600, truncated=True)}


async def test_a_large_file_that_changed_at_its_end_is_reported(http: Served) -> None:
    """Also when its size did not change."""
    result = await http.run("truncate -s 499999 a.txt; printf X >>a.txt", {"a.txt": "a" * 500_000})

    assert result["changed"] == {"a.txt": text("a" * 51200, truncated=True)}


@pytest.mark.parametrize("size", [51200, 51201, 51202])
async def test_a_file_that_has_grown_is_reported(http: Served, size: int) -> None:
    """Also when all that comes back of it is what was sent."""
    result = await http.run(
        "head -c 50000 a.txt >more; cat more more >>a.txt; rm more", {"a.txt": "a" * size}
    )

    assert result["changed"] == {"a.txt": text("a" * 51200, truncated=True)}


async def test_sixteen_created_files_are_reported(http: Served) -> None:
    """The first by name, those that are binary not counted; changed ones are all reported."""
    sent = {f"s{number:02}": "old" for number in range(20)}
    result = await http.run(
        "for n in {30..10}; do echo $n >c$n; done; printf '\\0\\1\\2\\3' >c00\n"
        "for f in s*; do echo new >$f; done",
        sent,
    )

    assert list(result["created"]) == [f"c{number}" for number in range(10, 26)]
    assert sorted(result["changed"]) == sorted(sent)


async def test_a_created_file_called_stdout_is_kept_apart(http: Served) -> None:
    """So are files called as our own."""
    result = await http.run("echo out; for n in stdout stderr status; do echo file >$n; done")

    assert result["stdout"] == text("out\n")
    assert result["created"] == dict.fromkeys(("stdout", "stderr", "status"), text("file\n"))
    assert result["status"] == "0"


async def test_binary_files_are_left_out(http: Served) -> None:
    """A file is text when libmagic says so of all of it, or when it has less than two bytes."""
    result = await http.run(
        "printf '' >none; printf '\\0' >nul; printf '\\377' >one; printf 'a\\0b' >with-nul\n"
        "printf '\\377\\376a\\0b\\0\\n\\0' >utf16; printf 'caf\\351\\n' >latin1\n"
        "printf 'caf\\303\\251\\n' >utf8; printf '\\1\\2\\3\\4' >control\n"
        "{ printf '%070000d' 0; printf '\\0'; } >late-nul; printf 'a\\tb\\033[1m\\r\\n' >escapes"
    )

    assert result["created"] == {
        "none": text(),
        "nul": text("\0"),
        "one": text(),
        "utf16": text("a\0b\0\n\0"),
        "latin1": text("caf\n"),
        "utf8": text("café\n"),
        "escapes": text("a\tb\033[1m\r\n"),
        # Only its beginning is harvested: the whole of that is text.
        "late-nul": text("0" * 51200, truncated=True),
    }


async def test_a_sent_file_that_turns_binary_is_left_out(http: Served) -> None:
    """What is no text cannot be shown as changed."""
    result = await http.run("printf 'a\\0b\\0' >a.txt", {"a.txt": "text"})

    assert result["changed"] == {}


async def test_only_regular_files_are_read(http: Served) -> None:
    """Links to other places, sockets and pipes are not followed, and stop nothing."""
    result = await http.run(
        "ln -s /etc/passwd link; ln -s none dangling; ln -s . loop; mkfifo pipe; mkdir d.txt\n"
        "ln -s cyber-dojo.sh to-script; echo x >plain"
    )

    assert result["created"] == {"plain": text("x\n")}


async def test_a_sent_file_that_became_a_link_is_not_reported(http: Served) -> None:
    """It is gone, as a file."""
    result = await http.run("rm a.txt; ln -s /etc/passwd a.txt", {"a.txt": "x"})

    assert (result["created"], result["changed"]) == ({}, {})


async def test_hard_links_are_files(http: Served) -> None:
    """Every name of one file has its content; a sent one that is untouched is not reported."""
    result = await http.run("ln sent also; echo x >b; ln b a; ln b c", {"sent": "s"})

    assert result["created"] == {
        "a": text("x\n"),
        "also": text("s"),
        "b": text("x\n"),
        "c": text("x\n"),
    }
    assert result["changed"] == {}


async def test_a_name_that_is_no_text_is_left_out(http: Served) -> None:
    """It cannot be said in JSON; the others can."""
    result = await http.run("echo x >$'\\377'; echo y >y")

    assert result["created"] == {"y": text("y\n")}


@pytest.mark.parametrize(
    ("size", "shown", "truncated"),
    [(51199, 51199, False), (51200, 51200, False), (51201, 51200, True), (70000, 51200, True)],
)
async def test_texts_are_cut_to_fifty_kib(
    http: Served, size: int, shown: int, truncated: bool
) -> None:
    """Stdout, stderr, created and changed alike; exactly the limit is not over it."""
    result = await http.run(
        f"printf '%0{size}d' 0 | tee made sent >&2; printf '%0{size}d' 0", {"sent": ""}
    )

    expected = text("0" * shown, truncated=truncated)
    assert result["stdout"] == result["stderr"] == expected
    assert result["created"] == {"made": expected}
    assert result["changed"] == {"sent": expected}


@pytest.mark.parametrize("character", ["é", "日", "😀"])
async def test_a_text_is_cut_between_characters(http: Served, character: str) -> None:
    """In bytes: what is left of a character at the cut is dropped."""
    content = "x" + character * 26_000
    result = await http.run("cat sent; echo . >>sent", {"sent": content})

    size = len(character.encode())
    expected = text("x" + character * ((51200 - 1) // size), truncated=True)
    assert result["stdout"] == expected
    assert result["changed"] == {"sent": expected}


async def test_bytes_that_are_no_utf_8_are_dropped(http: Served) -> None:
    """The rest of the text stays; NUL is a character."""
    result = await http.run(
        "printf 'a\\377b\\303\\n'; printf '\\355\\240\\200x\\0y' >&2; printf 'caf\\351!\\n' >made"
    )

    assert result["stdout"] == text("ab\n")
    assert result["stderr"] == text("x\0y")
    assert result["created"] == {"made": text("caf!\n")}


async def test_hidden_files_are_not_returned(http: Served) -> None:
    """Created or changed: a pattern that matches anywhere in the name hides it."""
    result = await http.run(
        "echo x >a.log; echo x >b.txt; mkdir coverage; echo x >coverage/c; echo x >sent.log",
        {"sent.log": ""},
        hidden_filenames=["\\.log$", "^coverage/"],
    )

    assert result["created"] == {"b.txt": text("x\n")}
    assert result["changed"] == {}


async def test_hidden_files_are_not_counted(http: Served) -> None:
    """The first 16 are those of the files that may be shown."""
    result = await http.run(
        "for n in {10..40}; do echo >a$n; done; echo >b", hidden_filenames=["a1", "a2", "a3[0-9]"]
    )

    assert list(result["created"]) == ["a40", "b"]


async def test_a_pattern_that_is_none_is_refused(http: Served) -> None:
    """It is 500, and names which it is."""
    answer = await http.ask(RUN, http.kata("echo >a", hidden_filenames=["a", "("]))

    status, message = answer.refusal
    assert status == 500
    assert message.startswith("manifest.hidden_filenames.1: ")


# --- the colour; its own tests ask the traffic light for much more ---


async def test_the_lambda_of_the_image_decides(http: Served) -> None:
    """Without a rag_lambda in the manifest it is the image's file that is asked."""
    result = await http.run("echo '1 failed in 0.01s'; exit 1", rag_lambda=None)

    assert (result["outcome"], result["log"]) == ("red", {})


async def test_an_image_without_a_lambda_is_faulty(serve_fake: ServeFake) -> None:
    """All else is the run's own, and the log tells what was missing."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        engine.images.add("cyberdojo/plain:1")
        result = await http.run(
            "echo out; echo err >&2; echo x >made; exit 1",
            image_name="cyberdojo/plain:1",
            rag_lambda=None,
        )

    assert result == {
        "stdout": text("out\n"),
        "stderr": text("err\n"),
        "status": "1",
        "outcome": "faulty",
        "log": {
            "call": "colour(rag_lambda, stdout, stderr, status)",
            "args": {"stdout": "out\n", "stderr": "err\n", "status": "1"},
            "exception": {"context": "image_name must have /usr/local/bin/red_amber_green.rb file"},
        },
        "created": {"made": text("x\n")},
        "changed": {},
    }


@pytest.mark.docker
@pytest.mark.parametrize(
    ("source", "context"),
    [
        ("lambda { |", "exception when eval'ing lambda source"),
        ("no_such_thing", "exception when eval'ing lambda source"),
        ("->(o, e, s) { raise 'oh dear' }", "exception when calling lambda source"),
        ("->(o, e, s) { exit! }", "exception when calling lambda source"),
        ("", "exception when calling lambda source"),
        ("->(o, e, s) { :blue }", "illegal colour; must be one of ['red','amber','green']"),
        ("->(o, e, s) { nil }", "illegal colour; must be one of ['red','amber','green']"),
    ],
)
async def test_a_lambda_at_fault_leaves_the_run_as_it_was(
    docker_http: Served, logs: Events, source: str, context: str
) -> None:
    """The outcome is faulty, the log says in which way, and all else is the run's own."""
    result = await docker_http.run("echo out; echo x >made; exit 3", rag_lambda=source)

    log = result.pop("log")
    assert result == {
        "stdout": text("out\n"),
        "stderr": text(),
        "status": "3",
        "outcome": "faulty",
        "created": {"made": text("x\n")},
        "changed": {},
    }
    assert log["exception"]["context"] == context
    assert log["args"] == {"stdout": "out\n", "stderr": "", "status": "3"}
    assert log["call"]
    (event,) = [event for event in logs if event["message"] == "run ended badly"]
    assert (event["kata_id"], event["reason"]["context"]) == ("aBc123", context)


@pytest.mark.docker
async def test_a_lambda_is_asked_once_for_the_same_output(docker_http: Served) -> None:
    """One that throws dice would give twelve runs the same colour once in 170,000 times."""
    dice = "->(_, _, _) { %i[red amber green].sample }"
    for script in ("echo one", "echo two"):
        colours = {(await docker_http.run(script, rag_lambda=dice))["outcome"] for _ in range(12)}
        assert len(colours) == 1


@pytest.mark.docker
async def test_a_lambda_at_fault_is_asked_again(docker_http: Served) -> None:
    """A fault is never remembered."""
    source = "->(_, _, _) { raise rand.to_s }"
    faults = [
        (await docker_http.run("echo out", rag_lambda=source))["log"]["exception"]["message"]
        for _ in range(2)
    ]
    assert faults[0] != faults[1]


@pytest.mark.docker
async def test_a_lambda_is_called_with_texts_and_a_number(docker_http: Served) -> None:
    """What the learner sees of stdout and stderr, and the status as an integer."""
    result = await docker_http.run(
        "printf 'a\\377é'; echo b >&2; exit 7",
        rag_lambda='->(o, e, s) { [o, e, s] == ["aé", "b\\n", 7] ? "green" : :red }',
    )

    assert result["outcome"] == "green"
