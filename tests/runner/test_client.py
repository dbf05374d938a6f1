"""The client of the API: what each call gives, and how each failure is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from runner.client import BusyError, RefusedError, RunnerClient, RunnerError
from tests.conftest import ServeFake
from tests.listening import listening
from tests.serving import STATUS_LAMBDA, Served


@asynccontextmanager
async def answering(*answers: web.Response) -> AsyncIterator[str]:
    """The URL of a server that gives these answers, one after the other."""
    rest = iter(answers)

    async def answer(_request: web.Request) -> web.Response:
        return next(rest)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app, shutdown_s=0) as address:
        yield f"http://{address}"


def busy() -> web.Response:
    """What a daemon says that has too much to do."""
    refusal = {"exception": {"message": "too many"}}
    return web.json_response(refusal, status=503, headers={"Retry-After": "0"})


async def test_the_probes(fake_http: Served) -> None:
    """The client asks whether a daemon is alive and ready, for its commit, and for its health."""
    async with RunnerClient(fake_http.url) as client:
        assert await client.alive()
        assert await client.ready()
        assert await client.sha() == "a1b2c3"
        assert (await client.health())["status"] == "ok"


@pytest.mark.parametrize(
    "url", ["", "nonsense", "ftp://x", "http://", "http://[::1", "http://h:99999"]
)
async def test_what_is_no_url(url: str) -> None:
    """For a text that is no URL nobody is asked, and the error says what a URL is like."""
    async with RunnerClient(url) as client:
        with pytest.raises(RunnerError, match="must be like http://"):
            await client.health()


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no/where", ":x"])
async def test_a_login_is_in_no_error(host: str) -> None:
    """Errors are printed and logged; a URL may have a password."""
    async with RunnerClient(f"http://me:sesame@{host}") as client:
        for ask in (client.health(), client.ready(), client.warm("gcc", 1, token="x" * 16)):
            with pytest.raises(RunnerError) as caught:
                await ask
            assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    "said",
    [
        *([], {}, {"status": 1}, {"status": "ok", "pulling": 1}, {"status": "ok", "reuse": []}),
        {"status": "ok", "images": {"gcc": None}},
    ],
)
async def test_the_health_of_something_else(said: Any) -> None:
    """JSON of another form is none of a daemon's, and no command stumbles over it."""
    async with answering(web.json_response(said)) as url, RunnerClient(url) as client:
        with pytest.raises(RunnerError, match="/health is no daemon"):
            await client.health()


async def test_a_run(fake_http: Served) -> None:
    """The result has the seven keys of the API, with their types."""
    files = {
        "cyber-dojo.sh": "echo out; echo err >&2; echo new > new.txt; echo 2 > old.txt; exit 1"
    }
    async with RunnerClient(f"{fake_http.url}/") as client:
        result = await client.run(
            {**files, "old.txt": "1"}, fake_http.image, rag_lambda=STATUS_LAMBDA, id="author"
        )

    assert (result.outcome, result.status, result.log) == ("red", "1", {})
    assert (result.stdout.content, result.stderr.content) == ("out\n", "err\n")
    assert {name: text.content for name, text in result.created.items()} == {"new.txt": "new\n"}
    assert {name: text.content for name, text in result.changed.items()} == {"old.txt": "2\n"}
    assert not result.stdout.truncated


async def test_hidden_files_stay_hidden(fake_http: Served) -> None:
    """The patterns are sent: a bad one is refused in the daemon's own words."""
    async with RunnerClient(fake_http.url) as client:
        assert await client.pull_image(fake_http.image) == "pulled"
        with pytest.raises(RefusedError, match="image_name") as caught:
            await client.pull_image("UPPER:")

    assert caught.value.status == 500


async def test_an_image_that_is_not_there(serve_fake: ServeFake) -> None:
    """A pull begins, and the client is told that."""
    async with serve_fake() as served, RunnerClient(served.url) as client:
        assert await client.pull_image("elsewhere:1") == "pulling"


async def test_a_busy_daemon_is_asked_again() -> None:
    """A client with patience waits as it is asked to; one without is told at once."""
    answer = web.json_response(
        {
            "run_cyber_dojo_sh": {
                "stdout": {"content": "", "truncated": False},
                "stderr": {"content": "", "truncated": False},
                "status": "0",
                "outcome": "green",
                "log": {},
                "created": {},
                "changed": {},
            }
        }
    )
    async with answering(busy(), busy(), answer) as url, RunnerClient(url, patience_s=30) as client:
        assert (await client.run({}, "image")).outcome == "green"
    async with answering(busy()) as url, RunnerClient(url) as client:
        with pytest.raises(BusyError, match="too many") as caught:
            await client.run({}, "image")
    assert caught.value.retry_after_s == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "<html>", "[]", "{}", "[" * 200_000, '{"a":' * 200_000),
        *('{"run_cyber_dojo_sh": 1}', '{"run_cyber_dojo_sh": {"stdout": 1}}'),
    ],
)
async def test_somebody_else(text: str) -> None:
    """An answer that is none of the API's is an error that says so, whatever it is."""
    async with answering(web.Response(text=text)) as url, RunnerClient(url) as client:
        with pytest.raises(RunnerError):
            await client.run({}, "image")


async def test_timings_that_are_no_times() -> None:
    """A number that no clock has is told as an answer that is none of the API's."""
    text = {"content": "", "truncated": False}
    texts = {"stdout": text, "stderr": text, "created": {}, "changed": {}}
    result = {**texts, "status": "0", "outcome": "red", "log": {"timings": {"run": 10**400}}}
    answer = web.json_response({"run_cyber_dojo_sh": result})
    async with answering(answer) as url, RunnerClient(url) as client:
        with pytest.raises(RunnerError, match="lacks what the API promises"):
            await client.run({}, "image")


async def test_nobody_there(unused_tcp_port: int) -> None:
    """Where nobody listens the error says where."""
    async with RunnerClient(f"http://127.0.0.1:{unused_tcp_port}") as client:
        with pytest.raises(RunnerError, match=f"127.0.0.1:{unused_tcp_port}"):
            await client.alive()


async def test_an_answer_that_does_not_come(fake_http: Served) -> None:
    """A client waits for an answer as long as it was told to, and then says so."""
    async with RunnerClient(fake_http.url, answers_within_s=0.2) as client:
        with pytest.raises(RunnerError, match="in time"):
            await client.run({"cyber-dojo.sh": "sleep 5"}, fake_http.image, max_seconds=5)


async def test_it_must_be_open() -> None:
    """A client outside its block says so, instead of leaving a connection open."""
    with pytest.raises(RunnerError, match="not open"):
        await RunnerClient("http://127.0.0.1:1").alive()


async def test_many_at_once(fake_http: Served) -> None:
    """One client may run several kata at the same time."""
    async with RunnerClient(fake_http.url) as client:
        runs = [
            client.run({"cyber-dojo.sh": f"exit {n}"}, fake_http.image, rag_lambda=STATUS_LAMBDA)
            for n in (0, 1, 2)
        ]
        outcomes = [result.outcome for result in await asyncio.gather(*runs)]

    assert outcomes == ["green", "red", "amber"]
