"""What operators may do over HTTP, and what keeps everybody else from it."""

from collections.abc import Mapping
from typing import Any

import pytest

from runner.http.acts import DRAIN, WARM
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.serving import Served
from tests.waiting import eventually

TOKEN = "a token of ours, long enough"  # noqa: S105
GOOD = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
ACTS: list[tuple[str, dict[str, Any]]] = [
    (WARM, {"image": FAKE_IMAGE, "containers": 3}),
    (DRAIN, {"image": FAKE_IMAGE}),
]


async def act(
    http: Served,
    path: str,
    body: dict[str, Any],
    headers: Mapping[str, str] = GOOD,
    verb: str = "POST",
) -> tuple[int, dict[str, Any]]:
    """The status and the body of an act."""
    answer = await http.ask(path, body, verb, headers={**GOOD, **headers})
    return answer.status, answer.body


async def warm_ones(http: Served) -> int:
    """How many containers of the image are warm."""
    pool = http.service.health().pools.get(http.image)
    return pool.warm if pool else 0


@pytest.mark.parametrize(("path", "body"), ACTS)
async def test_acts_are_off_by_default(fake_http: Served, path: str, body: dict[str, Any]) -> None:
    """Without a token in the settings the paths are as unknown as any other."""
    status, answer = await act(fake_http, path, body)

    assert (status, answer["exception"]["message"]) == (400, "unknown path")


async def test_an_image_is_warmed_and_drained(serve_fake: ServeFake) -> None:
    """As many containers get warm as an operator asks for. After a drain there are none."""
    async with serve_fake(acts_token=TOKEN, warm=None) as http:
        await http.until_ready()

        assert await act(http, *ACTS[0]) == (200, {"image": FAKE_IMAGE, "target": 3})
        await eventually(lambda: warm_ones(http), lambda warm: warm == 3)
        assert await act(http, *ACTS[1]) == (200, {"image": FAKE_IMAGE, "target": 0})
        assert await warm_ones(http) == 0
        assert (await http.run())["outcome"] == "green"


async def test_limits_of_the_settings_hold(serve_fake: ServeFake) -> None:
    """An operator cannot have more containers than the settings allow an image."""
    async with serve_fake(acts_token=TOKEN, warm=None, warm_max=2, warm_spare=0) as http:
        await http.until_ready()
        body = {"image": FAKE_IMAGE, "containers": 50}

        assert await act(http, WARM, body) == (200, {"image": FAKE_IMAGE, "target": 2})


@pytest.mark.parametrize(("path", "body"), ACTS)
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": TOKEN}, 401),
        ({"Authorization": f"Bearer {TOKEN}x"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        ({"Authorization": "Bearer \xe9"}, 401),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ],
)
async def test_who_may_not_act_is_refused(
    serve_fake: ServeFake, path: str, body: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    """An act is refused without the token, from another site's page, and in the form of a form."""
    engine = FakeEngine()
    async with serve_fake(engine, acts_token=TOKEN, warm=None) as http:
        await http.until_ready()
        answer = await http.ask(path, body, headers={**GOOD, **headers})

        assert (answer.status, answer.body["status"]) == (status, status)
        assert TOKEN not in str(answer.body)
        assert http.service.health().pools == {}


async def test_our_own_page_may_act(serve_fake: ServeFake) -> None:
    """A browser says that the page is of the same origin."""
    async with serve_fake(acts_token=TOKEN, warm=None) as http:
        await http.until_ready()
        headers = {"Origin": http.url, "Sec-Fetch-Site": "same-origin"}

        assert (await act(http, *ACTS[0], headers))[0] == 200


@pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE"])
async def test_only_post_acts(serve_fake: ServeFake, verb: str) -> None:
    """No link, image or prefetch of a browser can act."""
    async with serve_fake(acts_token=TOKEN, warm=None) as http:
        await http.until_ready()

        assert (await act(http, *ACTS[0], verb=verb))[0] == 400
        assert http.service.health().pools == {}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (WARM, {"image": FAKE_IMAGE}, 400),
        (WARM, {"image": FAKE_IMAGE, "containers": 0}, 400),
        (WARM, {"image": FAKE_IMAGE, "containers": 101}, 400),
        (WARM, {"image": FAKE_IMAGE, "containers": "3"}, 400),
        (WARM, {"image": "<b>", "containers": 1}, 400),
        (WARM, {"image": "not/here:1", "containers": 1}, 404),
        (DRAIN, {"image": FAKE_IMAGE, "containers": 1}, 400),
        (DRAIN, {"image": "not/here:1"}, 404),
        (DRAIN, {}, 400),
    ],
)
async def test_what_makes_no_sense_is_refused(
    serve_fake: ServeFake, path: str, body: dict[str, Any], status: int
) -> None:
    """The detail says what is wrong."""
    async with serve_fake(acts_token=TOKEN, warm=None) as http:
        await http.until_ready()
        found, answer = await act(http, path, body)

        assert (found, answer["status"]) == (status, status)
        assert answer["detail"]


async def test_an_image_that_is_not_allowed_is_not_warmed(serve_fake: ServeFake) -> None:
    """An operator cannot warm an image that clients may not name."""
    async with serve_fake(acts_token=TOKEN, allowed_images=("ghcr.io/",)) as http:
        await http.until_ready()

        assert (await act(http, *ACTS[0]))[0] == 403
