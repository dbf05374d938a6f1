"""Whatever an engine does becomes one error of ours, reported once."""

import asyncio
import errno
import os
import re
from pathlib import Path
from typing import Any

import pytest

from pool import DockerClient, EngineError, ImageMissingError, UnansweredError

from .fake_dockerd import (
    Answer,
    FakeDockerd,
    answer,
    cut_in_the_body,
    gibberish,
    raw,
    reset,
    silence,
)


async def ask(client: DockerClient, limit_s: float = 5.0) -> None:
    """One call of the kind that all calls are."""
    async with client.call("inspect", limit_s, image="some/image", container="c1") as docker:
        await docker.images.inspect("some/image")


BAD_DAYS: dict[str, tuple[Answer, int, str]] = {
    "an error in words": (
        answer({"message": "no space left on device"}, 500),
        500,
        "no space left",
    ),
    "an error that is not JSON": (raw(b"Bad Gateway", 502, "text/html"), 502, "Bad Gateway"),
    "another 404": (answer({"message": "page not found"}, 404), 404, "page not found"),
    "an error without words": (answer({"oops": 1}, 500), 0, "message"),
    "words that are a number": (answer({"message": 5}, 500), 500, "5"),
    "words that are nothing": (answer({"message": None}, 500), 500, "None"),
    "words that are a list": (answer({"message": ["no"]}, 404), 404, "no"),
    "half a character": (answer({"message": "full \ud83d"}, 500), 500, "full ?"),
    "JSON without end": (raw(b"[" * 100_000), 0, ""),
    "a number without end": (answer({"Id": float("inf")}), 0, "infinity"),
    "a list for an object": (answer({"Id": [1]}), 0, "attribute"),
    "malformed JSON": (raw(b"{"), 0, ""),
    "malformed JSON in an error": (raw(b"{", 500), 0, ""),
    "not even text": (raw(b"\xff\xfe", 500, "text/plain"), 0, "utf-8"),
    "JSON of another shape": (answer([]), 0, "indices"),
    "JSON that lacks what we asked for": (answer({}), 0, "Id"),
    "another type of content": (raw(b"<html>", 200, "text/html"), 0, ""),
    "a connection torn down": (reset, 0, "cannot connect to the engine"),
    "an answer cut short": (cut_in_the_body, 0, ""),
    "no HTTP at all": (gibberish, 0, ""),
}


def _as_needed(said: Any) -> object:
    return int(said) if isinstance(said, float) else said.lower()


@pytest.mark.parametrize("day", BAD_DAYS.values(), ids=BAD_DAYS)
async def test_every_failure_is_one_error_and_one_report(
    dockerd: FakeDockerd,
    client: DockerClient,
    reported: list[EngineError],
    day: tuple[Answer, int, str],
) -> None:
    """Every failed call raises one error and is reported once, with the engine's
    status and words.
    """
    reply, status, words = day
    dockerd.on("GET /images/some/image/json", reply)

    with pytest.raises(EngineError) as caught:
        async with client.call("inspect", 5.0, image="some/image", container="c1") as docker:
            _ = _as_needed((await docker.images.inspect("some/image"))["Id"])

    assert reported == [caught.value]
    assert type(caught.value) is (EngineError if status else UnansweredError)
    assert caught.value.status == status
    assert words in caught.value.message
    assert caught.value.message.encode()
    assert (caught.value.operation, caught.value.image, caught.value.container) == (
        "inspect",
        "some/image",
        "c1",
    )


async def test_a_missing_image_is_an_answer(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """A missing image raises an error of its own, and is not reported as a failure."""
    dockerd.on("GET /images/some/image/json", answer({"message": "No such image: some/image"}, 404))

    with pytest.raises(ImageMissingError, match="No such image: some/image"):
        await ask(client)

    assert not reported


async def test_an_engine_that_is_not_there(tmp_path: Path) -> None:
    """Where there is no socket a call fails at once: in words without a path of the host, as
    learners get to see them, and with advice for operators.
    """
    reported: list[EngineError] = []
    client = DockerClient(f"unix://{tmp_path}/none.sock", reported.append)

    with pytest.raises(UnansweredError) as caught:
        await ask(client)
    await client.close()

    assert caught.value.message == "cannot connect to the engine: No such file or directory"
    assert "DOCKER_HOST" in caught.value.advice
    assert reported == [caught.value]


async def test_a_socket_that_is_another_groups(tmp_path: Path) -> None:
    """The advice for a socket that may not be opened names the group."""
    failed = PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    client = DockerClient(f"unix://{tmp_path}/none.sock", lambda error: None)

    with pytest.raises(UnansweredError, match="Permission denied") as caught:
        async with client.call("inspect", 5.0):
            raise failed  # as root may open every socket
    await client.close()

    assert "group" in caught.value.advice


@pytest.mark.parametrize("request_name", ["GET /version", "GET /images/some/image/json"])
async def test_an_engine_that_never_answers(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError], request_name: str
) -> None:
    """The limit ends a call, whether its first or a later step stalls."""
    dockerd.on(request_name, silence)

    with pytest.raises(EngineError, match=r"no answer within 0\.05 s") as caught:
        await ask(client, limit_s=0.05)

    assert caught.value.status == 0
    assert reported == [caught.value]


async def test_cancellation_is_no_failure(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """A caller that goes away ends its call, and nothing is reported."""
    asked = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await silence(reader, writer)

    dockerd.on("GET /images/some/image/json", stall)
    task = asyncio.create_task(ask(client))
    await asked.wait()

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not reported


async def test_a_callers_own_deadline_is_its_own(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """A caller's own deadline is a TimeoutError to the caller, and not the engine's failure."""
    dockerd.on("GET /images/some/image/json", silence)

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await ask(client)

    assert not reported


async def test_an_engine_that_comes_back_is_used_again(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A failed call leaves nothing behind that would spoil the next one."""
    dockerd.on("GET /version", reset)
    with pytest.raises(EngineError):
        await ask(client)

    dockerd.on("GET /version", answer({"ApiVersion": "1.41"}))
    dockerd.on("GET /images/some/image/json", answer({"Id": "sha256:1"}))

    await ask(client)


async def test_an_engine_of_another_version_is_agreed_with_anew(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """An engine that was replaced may refuse the version of its API that was agreed on.

    One call fails, and the next one asks for the version first.
    """
    refuses = "client version 1.41 is too old. Minimum supported API version is 1.44"
    dockerd.on("GET /version", answer({"ApiVersion": "1.41"}))
    dockerd.on("GET /images/some/image/json", answer({"Id": "sha256:1"}))
    await ask(client)
    dockerd.on("GET /version", answer({"ApiVersion": "1.52"}))
    dockerd.on("GET /images/some/image/json", answer({"message": refuses}, 400))
    with pytest.raises(EngineError):
        await ask(client)
    agreed = client.docker.api_version
    dockerd.on("GET /images/some/image/json", answer({"Id": "sha256:1"}))

    await ask(client)

    assert (agreed, client.docker.api_version) == ("auto", "v1.52")


async def test_more_than_a_hundred_connections_are_possible(
    dockerd: FakeDockerd, client: DockerClient
) -> None:
    """A call beside 110 open connections is answered, as every warm container holds one."""
    all_here = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if dockerd.connections >= 110:
            all_here.set()
        await silence(reader, writer)

    dockerd.on("GET /images/some/image/json", stall)
    dockerd.on("GET /images/other/image/json", answer({"Id": "sha256:2"}))
    held = [asyncio.create_task(ask(client)) for _ in range(110)]

    async with asyncio.timeout(10):
        await all_here.wait()
        async with client.call("inspect", 5.0) as docker:
            assert (await docker.images.inspect("other/image"))["Id"] == "sha256:2"

    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_an_engines_words_have_a_limit(dockerd: FakeDockerd, client: DockerClient) -> None:
    """What an engine repeats of a call fills no log: the beginning and the end say what it was."""
    words = f"opening seccomp profile failed: open {'{' * 100_000}: file name too long"
    dockerd.on("GET /images/some/image/json", answer({"message": words}, 500))

    with pytest.raises(EngineError) as caught:
        await ask(client)

    said = caught.value.message
    assert said.startswith("opening seccomp profile failed")
    assert said.endswith("file name too long")
    assert len(said) < 1_100


async def test_closing_lets_go_of_all_connections(
    dockerd: FakeDockerd, client: DockerClient, reported: list[EngineError]
) -> None:
    """Closing ends all connections, and twice is harmless.

    The call that it cuts off is no failure of the engine.
    """
    gone = asyncio.Event()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await silence(reader, writer)
        gone.set()

    asked = asyncio.Event()
    dockerd.on("GET /images/some/image/json", stall)
    task = asyncio.create_task(ask(client))
    await asked.wait()

    await client.close()
    await client.close()

    async with asyncio.timeout(5):
        await gone.wait()
    with pytest.raises(EngineError):
        await task
    assert reported == []


async def test_closing_what_was_never_used_is_harmless(tmp_path: Path) -> None:
    """A client connects when it is first needed."""
    await DockerClient(f"unix://{tmp_path}/none.sock", lambda error: None).close()


async def test_an_engine_may_be_reached_over_tcp() -> None:
    """DOCKER_HOST may name a host: where nobody listens, the error has the system's words."""
    client = DockerClient("tcp://127.0.0.1:1", lambda error: None)

    with pytest.raises(EngineError, match="Connection refused"):
        await ask(client)
    await client.close()


@pytest.mark.docker
async def test_the_engine_tells_its_version(docker_client: DockerClient) -> None:
    """Operators are told which engine it is that the service runs on."""
    assert re.match(r"\d+\.", await docker_client.version())
