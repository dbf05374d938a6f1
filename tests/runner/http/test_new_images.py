"""Many images that nobody has run before, at once: looked into few at a time, in order."""

import asyncio

from runner.container.profile import RED_AMBER_GREEN
from runner.run.run import LOOKS_AT_ONCE
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.runner.http.support import PULL, RUN, until
from tests.serving import STATUS_LAMBDA, Served

IMAGES = 50
PLACES = 2


def new_images(engine: FakeEngine) -> list[str]:
    """The names of images that are on the node, each another one."""
    names = [f"cyberdojo/new:{number}" for number in range(IMAGES)]
    for name in names:
        engine.images.add(name, {RED_AMBER_GREEN: STATUS_LAMBDA.encode(), "name": name.encode()})
    return names


async def outcome(http: Served, name: str) -> str:
    """What became of a run: its colour, or the status of a refusal."""
    answer = await http.ask(RUN, http.kata(image_name=name, max_seconds=1, rag_lambda=None))
    if answer.status != 200:
        return str(answer.status)
    return str(answer.body["run_cyber_dojo_sh"]["outcome"])


async def test_all_that_fit_the_budget_are_green(serve_fake: ServeFake) -> None:
    """Of fifty runs on fifty new images those that get a place in time are green, and the others
    are refused; none is faulty, and no more images are looked into at once than runs go on.
    """
    engine = FakeEngine()
    names = new_images(engine)
    async with serve_fake(engine, warm=0, budget_s=6, runs_at_once=PLACES) as http:
        await http.until_ready()
        engine.images.read_s = 0.2
        outcomes = await asyncio.gather(*(outcome(http, name) for name in names))

    assert set(outcomes) == {"green", "503"}
    assert engine.images.most_reads_at_once == PLACES


async def test_announced_images_are_looked_into_few_at_a_time(serve_fake: ServeFake) -> None:
    """Fifty announcements of images that are here do not make the engine read fifty images."""
    engine = FakeEngine()
    names = new_images(engine)
    async with serve_fake(engine, warm=0) as http:
        await http.until_ready()
        engine.images.read_s = 0.05
        for name in names:
            await http.ask(PULL, {"id": "x", "image_name": name})
        await until(lambda: len(engine.images.reads) == IMAGES)

    assert engine.images.most_reads_at_once == LOOKS_AT_ONCE
