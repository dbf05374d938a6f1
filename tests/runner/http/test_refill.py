"""POST /refill: what a service makes of a sibling's notice."""

import asyncio
import json
import time
from typing import Any

import pytest

from runner.siblings.notice import LARGEST_BYTES, SIGNATURE_HEADER, sign
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine
from tests.serving import Answer, Served
from tests.waiting import eventually

SECRET = "sixteen letters!"  # noqa: S105


def notice(**changes: Any) -> dict[str, Any]:
    """A notice as a sibling sends it."""
    return {
        "version": 1,
        "replica": "sibling",
        "image": FAKE_IMAGE,
        "takes": 1,
        "told": 2,
        "take_rate": 0.1,
        "fill_rate": 0.05,
        "warm": 2,
        "target": 3,
        "sequence": 1,
        "sent_at": time.time(),
        **changes,
    }


async def send(http: Served, sent: Any, secret: str = "", **headers: str) -> Answer:
    """POST a notice, signed if there is a secret."""
    body = sent if isinstance(sent, bytes) else json.dumps(sent).encode()
    if secret:
        headers[SIGNATURE_HEADER] = sign(secret, body)
    return await http.ask("/refill", body, headers=headers)


async def warm(http: Served) -> int:
    """How many containers of the image are warm."""
    count: int = http.service.health().as_json()["images"][FAKE_IMAGE]["warm"]
    return count


async def test_it_warms_an_image_that_is_here(serve_fake: ServeFake) -> None:
    """A notice warms an image of this node, so that the next learner's first run is a hit."""
    async with serve_fake(warm=None) as http:
        await http.until_ready()

        answer = await send(http, notice())

        assert (answer.status, answer.body) == (202, {"verdict": "counted"})
        pool = http.service.health().as_json()["images"][FAKE_IMAGE]
        assert pool["target"] > 0
        assert pool["takes"] == 0
        await eventually(lambda: warm(http))
        await http.run()
        assert http.service.health().as_json()["images"][FAKE_IMAGE]["hits"] == 1
        health = http.service.health().as_json()
        assert health["notices_in"] == {"counted": 1}
        assert health["heard_ago_s"].keys() == {"sibling"}


async def test_an_unknown_image_is_not_pulled(serve_fake: ServeFake) -> None:
    """A notice never makes a replica pull an image."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.until_ready()

        answer = await send(http, notice(image="nobody/has:this"))

        assert (answer.status, answer.body) == (200, {"verdict": "unknown_image"})
        assert http.service.health().as_json()["pulling"] == []
        assert "nobody/has:this" not in http.service.health().as_json()["images"]


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({"sent_at": time.time() - 3600}, "stale"),
        ({"sent_at": time.time() + 3600}, "future"),
    ],
)
async def test_what_does_not_count(
    serve_fake: ServeFake, changes: dict[str, Any], verdict: str
) -> None:
    """A notice that does not count is answered all the same, with the reason."""
    async with serve_fake(warm=None) as http:
        await http.until_ready()

        answer = await send(http, notice(**changes))

        assert (answer.status, answer.body) == (200, {"verdict": verdict})
        assert http.service.health().as_json()["images"] == {}


async def test_a_whole_number_may_be_written_with_a_fraction(serve_fake: ServeFake) -> None:
    """3.0 is the number 3 in JSON, and some senders write it so; 3.5 takes are none."""
    async with serve_fake(warm=None) as http:
        await http.until_ready()

        counted = await send(http, notice(takes=3.0, told=1.0, sequence=4.0, version=1.0))
        refused = await send(http, notice(takes=3.5))

        assert (counted.status, counted.body) == (202, {"verdict": "counted"})
        assert (refused.status, refused.body["detail"][:6]) == (400, "takes:")


async def test_own_and_repeated_ones(serve_fake: ServeFake) -> None:
    """A replica's own notice, which a load balancer may send back, does not count.

    Nor does a repeated one.
    """
    async with serve_fake() as http:
        await http.until_ready()
        me = http.service.health().as_json()["replica"]

        answers = [
            await send(http, notice(replica=me)),
            await send(http, notice()),
            await send(http, notice()),
        ]

        assert [answer.body["verdict"] for answer in answers] == ["own", "counted", "repeated"]


async def test_a_later_version_is_understood(serve_fake: ServeFake) -> None:
    """Fields that are not known here do no harm, as during a rolling update."""
    async with serve_fake() as http:
        await http.until_ready()

        answer = await send(http, notice(version=7, colour="green"))

        assert answer.body == {"verdict": "counted"}


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (b"", "body: "),
        (b"[]", "body: "),
        (b"{}", "replica: "),
        (notice(takes=0), "takes: "),
        (notice(takes=10**9), "takes: "),
        (notice(takes=True), "takes: "),
        (notice(told=0), "told: "),
        (notice(image="a b"), "image: "),
        (notice(image="x" * 501), "image: "),
        (notice(replica=""), "replica: "),
        (notice(sequence=2**63), "sequence: "),
        (notice(sequence=-1), "sequence: "),
        (json.dumps(notice(take_rate=float("inf"))).encode(), ""),
        (notice(sent_at="now"), "sent_at: "),
    ],
)
async def test_a_malformed_one_is_told_its_field(
    serve_fake: ServeFake, sent: Any, says: str
) -> None:
    """A malformed notice is 400, with a problem as RFC 9457 has it."""
    async with serve_fake() as http:
        await http.until_ready()

        answer = await send(http, sent)

        assert answer.status == 400
        assert answer.headers["Content-Type"].startswith("application/problem+json")
        assert answer.body["status"] == 400
        assert answer.body["detail"].startswith(says)
        assert http.service.health().as_json()["notices_in"] == {"malformed": 1}


async def test_a_large_one_is_not_read(serve_fake: ServeFake) -> None:
    """A notice is 413 as soon as it is known to be too large."""
    async with serve_fake() as http:
        await http.until_ready()

        answer = await send(http, b" " * (LARGEST_BYTES + 1))

        assert answer.status == 413


class TestSecret:
    """With a secret only senders that know it are heard."""

    async def test_signed(self, serve_fake: ServeFake) -> None:
        """A notice that is signed with HMAC-SHA256 over its body counts."""
        async with serve_fake(secret=SECRET) as http:
            await http.until_ready()

            assert (await send(http, notice(), SECRET)).status == 202

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {SIGNATURE_HEADER: ""},
            {SIGNATURE_HEADER: "sha256=" + 64 * "0"},
            {SIGNATURE_HEADER: "sha256=\u00e9"},
            {SIGNATURE_HEADER: sign("another secret!!", b"")},
        ],
    )
    async def test_unsigned(self, serve_fake: ServeFake, headers: dict[str, str]) -> None:
        """A notice without a good signature is 401 before its body is parsed, and is counted."""
        async with serve_fake(secret=SECRET) as http:
            await http.until_ready()

            answers = [await send(http, sent, **headers) for sent in (notice(), b"{}")]

            assert [answer.status for answer in answers] == [401, 401]
            assert SIGNATURE_HEADER in answers[0].body["detail"]
            health = http.service.health().as_json()
            assert health["notices_in"] == {"unsigned": 2}
            assert health["images"] == {}

    async def test_a_signature_of_any_bytes(self, serve_fake: ServeFake) -> None:
        """Bytes that are no text in UTF-8 are a wrong signature, and nothing worse."""
        async with serve_fake(secret=SECRET) as http:
            head = f"POST /refill HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n{SIGNATURE_HEADER}: "
            answer = await http.raw(head.encode() + b"\xff\r\n\r\n{}")

        assert (answer.status, answer.body["status"]) == (401, 401)

    async def test_a_signature_is_of_one_body(self, serve_fake: ServeFake) -> None:
        """A notice with another number of takes needs another signature."""
        async with serve_fake(secret=SECRET) as http:
            await http.until_ready()
            signature = sign(SECRET, json.dumps(notice()).encode())

            answer = await send(http, notice(takes=900), **{SIGNATURE_HEADER: signature})

            assert answer.status == 401


async def test_a_flood_is_limited_and_moves_no_limit(serve_fake: ServeFake) -> None:
    """A flood is 429 with Retry-After; pools stay within their limits, and runs go on."""
    async with serve_fake(warm=None, warm_max=4, host_containers=6) as http:
        await http.until_ready()

        answers = [
            await send(http, notice(sequence=number, takes=1000, told=1)) for number in range(100)
        ]

        statuses = {answer.status for answer in answers}
        assert statuses == {202, 429}
        assert all("Retry-After" in one.headers for one in answers if one.status == 429)
        assert http.service.health().as_json()["images"][FAKE_IMAGE]["target"] == 4
        assert (await http.run())["outcome"] == "green"


async def test_telling_each_other(serve_fake: ServeFake) -> None:
    """A take here is heard there; no notice is sent in return, and no replica tells itself."""
    async with serve_fake(secret=SECRET, warm=None) as heard:
        await heard.until_ready()
        address = heard.url.removeprefix("http://")
        async with serve_fake(secret=SECRET, warm=None, siblings=(address,)) as telling:
            await telling.until_ready()
            await eventually(lambda: as_async(telling.service.health().as_json()["siblings"]), bool)

            await telling.run()
            await telling.run()

            await eventually(lambda: as_async(heard.service.health().as_json()["images"]))
            notices = heard.service.health().as_json()["notices_in"]
            assert notices.keys() == {"counted"}
            assert heard.service.health().as_json()["notices_out"] == {}
            [sibling] = telling.service.health().as_json()["siblings"]
            assert (sibling["address"], sibling["failed"]) == (address, 0)


async def test_a_pull_is_told_as_well(serve_fake: ServeFake) -> None:
    """A pull is told to siblings, as its group is about to begin on whichever replica."""
    async with serve_fake(warm=None) as heard:
        await heard.until_ready()
        siblings = (heard.url.removeprefix("http://"),)
        async with serve_fake(warm=None, siblings=siblings) as telling:
            await telling.until_ready()
            await eventually(lambda: as_async(telling.service.health().as_json()["siblings"]))

            await telling.ask("/pull_image", {"id": "id", "image_name": FAKE_IMAGE})

            images = await eventually(lambda: as_async(heard.service.health().as_json()["images"]))
            assert images.keys() == {FAKE_IMAGE}


async def as_async(value: Any) -> Any:
    """Makes an ordinary function one that `eventually` can ask."""
    await asyncio.sleep(0)
    return value


async def test_an_image_that_is_not_allowed_is_not_warmed(serve_fake: ServeFake) -> None:
    """A notice of an image that no client may name warms nothing, though the image is here."""
    async with serve_fake(warm=None, allowed_images=("cyberdojofoundation/gcc",)) as http:
        await http.until_ready()

        answer = await send(http, notice())

        assert answer.body == {"verdict": "unknown_image"}
        assert http.service.health().as_json()["images"] == {}
