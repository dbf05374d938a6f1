"""Which images are there, which are pulled, and what a run is told meanwhile."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine, FakeImages
from tests.runner.http.support import ABSENT, PULL, text, until
from tests.serving import Served


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
    """A run alone has its absent image pulled; nobody else need ask for it."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        await http.run(image_name="cyberdojo/new")
        await until(lambda: bool(engine.images.pulls))

    assert engine.images.pulls == ["cyberdojo/new:latest"]


async def test_an_image_on_the_node_is_pulled(http: Served) -> None:
    """An image that was there at the start counts as pulled."""
    answer = await http.ask(PULL, {"id": "x", "image_name": http.image})

    assert answer.body == {"pull_image": "pulled"}


async def test_an_absent_image_is_pulling(http: Served) -> None:
    """The pull of an image that is not there begins when it is asked for."""
    answer = await http.ask(PULL, {"id": "x", "image_name": ABSENT})

    assert answer.body == {"pull_image": "pulling"}


@pytest.fixture
async def pulling(serve_fake: ServeFake) -> AsyncIterator[tuple[Served, FakeImages]]:
    """A service whose pulls wait until the test lets them go on."""
    engine = FakeEngine()
    engine.images.may_pull.clear()
    async with serve_fake(engine) as served:
        yield served, engine.images


async def test_one_pull_per_image_runs(pulling: tuple[Served, FakeImages]) -> None:
    """Sixteen requests for one image, by several of its names, begin one pull."""
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
    """The next call after a failed pull tries again."""
    http, images = pulling
    images.may_pull.set()
    body = {"id": "x", "image_name": ABSENT}
    first = await http.ask(PULL, body)
    await until(lambda: not http.service.health().as_json()["pulling"])
    second = await http.ask(PULL, body)
    await until(lambda: len(images.pulls) == 2)

    assert first.body == second.body == {"pull_image": "pulling"}


async def test_a_pull_that_fails_is_told_to_operators(
    pulling: tuple[Served, FakeImages],
) -> None:
    """How long an image has been wanted, how often it was tried, and why it does not come."""
    http, images = pulling
    images.may_pull.set()
    body = {"id": "x", "image_name": ABSENT}
    for number in range(1, 3):
        await http.ask(PULL, body)
        await until(lambda: not http.service.health().pulling)
        (pull,) = http.service.health().pulls.values()
        assert (pull.attempts, pull.last_error) == (number, f"{ABSENT}: not found")
    told = (await http.ask("/health", verb="GET")).body["pulls"][ABSENT]
    assert set(told) == {"since_s", "attempts", "last_error"}
    assert told["since_s"] >= 0

    images.in_registry[ABSENT] = images.on_node[FAKE_IMAGE]
    await http.ask(PULL, body)
    await until(lambda: ABSENT in images.on_node)
    await until(lambda: not http.service.health().pulls)


async def test_an_image_that_somebody_else_brought_is_wanted_no_more(
    pulling: tuple[Served, FakeImages],
) -> None:
    """A pull that failed is forgotten once the image is there."""
    http, images = pulling
    images.may_pull.set()
    await http.run(image_name=ABSENT)
    await until(lambda: bool(http.service.health().pulls) and not http.service.health().pulling)
    images.add(ABSENT)
    await http.run(image_name=ABSENT)

    assert http.service.health().pulls == {}


async def test_an_image_that_was_removed_is_noticed(serve_fake: ServeFake) -> None:
    """A removed image is pulled again, and its warm containers go."""
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
    """Once a name means another image the next run is on that image."""
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
    """A lambda is read once per image id, for any number of runs and under any name."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        image = engine.images.on_node["cyberdojo/other:latest"] = engine.images.on_node[FAKE_IMAGE]
        await asyncio.gather(*(http.run(rag_lambda=None) for _ in range(3)))
        await http.run(rag_lambda=None, image_name="cyberdojo/other")

    assert engine.images.reads == [image.image_id]


IMAGE_ID = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize("name", ["127.0.0.1:5999/x", "ubuntu:22.041", "evil/ubuntu", IMAGE_ID])
async def test_an_image_that_is_not_allowed_is_refused(serve_fake: ServeFake, name: str) -> None:
    """A run and a pull of it are 403 with a message that names it, and no engine is asked."""
    engine = FakeEngine()
    allowed = ("ubuntu:22.04", "cyberdojofoundation")
    async with serve_fake(engine, allowed_images=allowed) as http:
        pull = await http.ask(PULL, {"id": "x", "image_name": name})
        run = await http.ask("/run_cyber_dojo_sh", http.kata(image_name=name))

    assert pull.status == run.status == 403
    assert pull.exception["message"] == run.exception["message"]
    assert pull.exception["message"].startswith("image_name: not ")
    assert repr(name) in pull.exception["message"]
    assert engine.images.pulls == []


async def test_an_image_that_is_allowed_is_pulled_and_run(serve_fake: ServeFake) -> None:
    """An image may be named in any way that means the image that is allowed."""
    engine = FakeEngine()
    async with serve_fake(engine, allowed_images=("docker.io/library/gcc", FAKE_IMAGE)) as http:
        answer = await http.ask(PULL, {"id": "x", "image_name": "gcc:12"})
        result = await http.run(image_name=f"docker.io/{FAKE_IMAGE}")
        await until(lambda: bool(engine.images.pulls))

    assert answer.body == {"pull_image": "pulling"}
    assert result["outcome"] == "green"
    assert engine.images.pulls == ["gcc:12"]


async def test_an_id_is_no_name_of_an_image(serve_fake: ServeFake) -> None:
    """An id is refused, even of an image that is here, unless the operator allows ids."""
    engine = FakeEngine()
    async with serve_fake(engine) as http:
        image_id = engine.images.on_node[FAKE_IMAGE].image_id
        refused = await http.ask("/run_cyber_dojo_sh", http.kata(image_name=image_id))
    engine = FakeEngine()
    engine.images.on_node[image_id] = engine.images.add(FAKE_IMAGE)
    async with serve_fake(engine, image_ids=True) as http:
        result = await http.run(image_name=image_id)

    assert refused.refusal == (403, f"image_name: not by its id: {image_id!r}")
    assert result["outcome"] == "green"


async def test_all_names_of_an_image_share_a_pool(serve_fake: ServeFake) -> None:
    """`x`, `x:latest` and `docker.io/x` are one image with one pool, and one name in `/health`."""
    engine = FakeEngine()
    engine.images.add("cyberdojo/gcc:latest")
    names = ["cyberdojo/gcc", "cyberdojo/gcc:latest", "docker.io/cyberdojo/gcc"]
    async with serve_fake(engine) as http:
        results = [await http.run(image_name=name) for name in names]
        images = http.service.health().as_json()["images"]

    assert [result["outcome"] for result in results] == ["green"] * 3
    assert images.keys() == {"cyberdojo/gcc:latest"}
    assert images["cyberdojo/gcc:latest"]["takes"] == 3


async def test_pulls_at_once_are_few(serve_fake: ServeFake) -> None:
    """Few pulls run, some wait, and the next is answered with 503 until there is room again."""
    engine = FakeEngine()
    engine.images.may_pull.clear()
    async with serve_fake(engine, pulls_at_once=2, pulls_queue=3) as http:
        taken = [await http.ask(PULL, {"id": "x", "image_name": f"new/{n}"}) for n in range(5)]
        again = await http.ask(PULL, {"id": "x", "image_name": "new/4"})
        pull = await http.ask(PULL, {"id": "x", "image_name": "new/5"})
        run = await http.ask("/run_cyber_dojo_sh", http.kata(image_name="new/6"))
        at_once = list(engine.images.pulls)
        engine.images.may_pull.set()
        await until(lambda: not http.service.health().as_json()["pulling"])
        later = await http.ask(PULL, {"id": "x", "image_name": "new/5"})

    assert {answer.status for answer in [*taken, again, later]} == {200}
    assert pull.refusal == run.refusal == (503, "too many images are being pulled (5)")
    assert "Retry-After" in pull.headers
    assert at_once == ["new/0:latest", "new/1:latest"]
    assert len(engine.images.pulls) >= 5
