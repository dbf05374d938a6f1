"""The paths that a client may ask for, with any verb and any content type."""

import pytest

from pool import EngineError
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import PULL, RUN
from tests.serving import Served


@pytest.mark.parametrize("path", ["/alive", "/alive?", "/alive?x=1"])
async def test_alive_is_true(http: Served, path: str) -> None:
    """`/alive`, also with an empty query string, says {"alive?": true} as JSON."""
    answer = await http.raw(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    assert (answer.status, answer.body) == (200, {"alive?": True})
    assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_pull_and_a_run_are_answered_compactly(http: Served) -> None:
    """The answers to a pull and to a run have no blank after `:` and `,`."""
    pull = {"id": "x", "image_name": http.image}
    async with http.session.get(http.url + PULL, json=pull) as response:
        assert await response.read() == b'{"pull_image":"pulled"}'
    async with http.session.get(http.url + RUN, json=http.kata("printf x")) as response:
        assert await response.read() == (
            b'{"run_cyber_dojo_sh":{"stdout":{"content":"x","truncated":false},'
            b'"stderr":{"content":"","truncated":false},"status":"0","outcome":"green","log":{},'
            b'"created":{},"changed":{}}}'
        )


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
    engine.containers.list_error = EngineError("list", "cannot connect")
    async with serve_fake(engine) as http:
        alive, ready = await http.ask("/alive"), await http.ask("/ready")
        engine.containers.list_error = None

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
    """A body is read as JSON whatever its content type says."""
    body = {"id": "x", "image_name": http.image}
    answer = await http.ask(PULL, body, headers={"Content-Type": content_type})

    assert answer.body == {"pull_image": "pulled"}


async def test_an_empty_body_is_an_empty_object(http: Served) -> None:
    """A request without a body is read as one whose body is {}."""
    answer = await http.ask(RUN)

    assert answer.refusal == (400, "missing arguments: :id, :files, :manifest")
