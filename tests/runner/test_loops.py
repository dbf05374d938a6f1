"""The loops in the background: each fails by an error that nobody foresaw, and works again."""

import ast
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pool import Delivery, Networks, Pools, PoolSettings, Supervisor
from runner.cells.cells import Cells
from runner.colour.questions import Colour
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images
from runner.engine.network_holders import NetworkHolders
from runner.operators.health import Health
from runner.operators.live_page import LivePage
from runner.operators.logs import report_bug
from runner.operators.loop_lag import LoopLag
from runner.operators.metrics import Metrics
from runner.operators.recent_runs import RecentRuns, RunsSeen
from runner.operators.systemd import ALIVE, Systemd
from runner.service import Service
from runner.settings import Reuse, Settings
from runner.siblings.sibling import Address, SiblingStatus
from runner.siblings.siblings import Siblings
from runner.upkeep import Upkeep
from runner.warming.warm_images import WarmImages
from tests.conftest import ServeFake
from tests.fakes import FakeEngine
from tests.reports import Reports
from tests.runner.container.support import spec_of
from tests.runner.operators.scrape import samples, scrape
from tests.serving import Served, new_owner
from tests.waiting import eventually

RUBY, LAUNCHER = Settings(_env_file=None).ruby_image, Settings(_env_file=None).launcher_image
T = TypeVar("T")
BUG = RuntimeError("a bug")
SOURCES = Path(__file__).parents[2]


@pytest.fixture
async def reports() -> Reports:
    """The reports that the supervisor makes."""
    return Reports()


@pytest.fixture
async def supervisor(reports: Reports) -> Supervisor:
    """A supervisor that logs as the service's does, and lets loops run again soon."""

    def report(name: str, error: BaseException) -> None:
        report_bug(name, error)
        reports(name, error)

    return Supervisor(report, first_pause_s=0.001, longest_pause_s=0.004)


class Operators:
    """What operators are told of the loops of a test's supervisor, in the three places."""

    def __init__(
        self, service: Service, supervisor: Supervisor, logs: list[dict[str, Any]]
    ) -> None:
        self._service = service
        self._supervisor = supervisor
        self._logs = logs

    async def see(self, loop: str) -> None:
        """The log, `/health` and `/metrics` tell that this loop has failed once, and runs again."""
        await eventually(lambda: _now(self._supervisor.loops[loop].is_running))
        [line] = [event for event in self._logs if event.get("task") == loop]
        assert (line["level"], line["message"]) == ("ERROR", "unexpected error in the background")
        assert "RuntimeError: a bug" in line["exception"]

        health = replace(self._service.health(), loops=self._supervisor.loops)
        told = {"is_running": True, "failures": 1, "last_error": "a bug"}
        assert health.as_json()["loops"][loop] == told

        seen = samples(Metrics(lambda: health, "").render().decode())
        assert seen["runner_loop_failures_total", (("loop", loop),)] == 1
        assert seen["runner_loop_running", (("loop", loop),)] == 1


@pytest.fixture
async def operators(
    fake_http: Served, supervisor: Supervisor, logs: list[dict[str, Any]]
) -> Operators:
    """The operators of a service."""
    return Operators(fake_http.service, supervisor, logs)


@pytest.fixture
async def engine() -> FakeEngine:
    """An engine with the images that a service needs for itself."""
    engine = FakeEngine()
    for name in (RUBY, LAUNCHER):
        engine.images.add(name)
    return engine


@pytest.fixture
async def images(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Images]:
    """Images that have not begun to listen; closed at the end."""
    images = Images(
        engine.images,
        changed=lambda: None,
        pulled=lambda name: None,
        listening=lambda is_there: None,
        supervisor=supervisor,
    )
    yield images
    await images.close()


@pytest.fixture
async def cells(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Cells]:
    """Cells that nobody has tried yet; closed at the end."""
    cells = Cells(
        engine.containers,
        engine.images,
        wanted=Reuse.CELLS,
        delivery=Delivery.ATTACH,
        runtime="",
        launcher_image=LAUNCHER,
        most_runs=10,
        apparmor="",
        labels={},
        decided=lambda: None,
        supervisor=supervisor,
    )
    yield cells
    await cells.close()


@pytest.fixture
async def network_holders(
    engine: FakeEngine, supervisor: Supervisor
) -> AsyncIterator[NetworkHolders]:
    """Holders of networks that nobody has missed yet; closed at the end."""
    holders = NetworkHolders(
        engine.containers,
        engine.images,
        Networks(),
        most=1,
        image=LAUNCHER,
        runtime="",
        labels={},
        supervisor=supervisor,
        grow_s=0,
    )
    yield holders
    await holders.close()


@pytest.fixture
async def pools(engine: FakeEngine, supervisor: Supervisor) -> AsyncIterator[Pools]:
    """Pools of no image yet; closed at the end."""
    pools = Pools(engine.containers, PoolSettings(), supervisor=supervisor)
    yield pools
    await pools.close()


@pytest.fixture
async def upkeep(
    engine: FakeEngine,
    supervisor: Supervisor,
    *,
    images: Images,
    pools: Pools,
    cells: Cells,
    network_holders: NetworkHolders,
) -> AsyncIterator[Upkeep]:
    """Upkeep that has not begun to sweep; closed at the end, with what it keeps right."""
    traffic_light = TrafficLight(engine.containers, engine.images, RUBY, {}, supervisor)
    warm_images = WarmImages((), is_warm, supervisor)
    upkeep = Upkeep(
        engine.containers,
        new_owner(),
        engine.log,
        supervisor,
        images=images,
        pools=pools,
        cells=cells,
        traffic_light=traffic_light,
        network_holders=network_holders,
        warm_images=warm_images,
    )
    yield upkeep
    await upkeep.close()
    await traffic_light.close()


async def is_warm(name: str) -> bool:
    """Every image is warm at once."""
    return True


async def test_image_changes(
    engine: FakeEngine, images: Images, reports: Reports, operators: Operators
) -> None:
    """The loop that hears of changes of images listens again."""
    engine.images.bugs["image_changes"] = BUG

    images.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["image changes"], [BUG])
    await operators.see("image changes")
    await eventually(lambda: _now(images.is_listening))


async def test_cells(
    engine: FakeEngine, cells: Cells, reports: Reports, operators: Operators
) -> None:
    """The loop that tries whether cells can be had tries again, and finds that they can."""
    engine.images.bugs["image"] = BUG

    cells.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["cells"], [BUG])
    await operators.see("cells")
    await eventually(lambda: _now(cells.status.kind == "cells"))


async def test_network_holders(
    engine: FakeEngine,
    network_holders: NetworkHolders,
    reports: Reports,
    operators: Operators,
) -> None:
    """The loop that makes holders of networks looks again when one is missed again."""
    engine.images.bugs["image"] = BUG

    network_holders.start()
    network_holders.missed()
    await reports.came.wait()
    network_holders.missed()

    assert (reports.names, reports.errors) == (["network holders"], [BUG])
    await operators.see("network holders")
    await eventually(lambda: _now(engine.containers.asked))


async def test_engine_watch(
    engine: FakeEngine, upkeep: Upkeep, reports: Reports, operators: Operators
) -> None:
    """The loop that looks at the engine looks again, so the service knows that it answers."""
    engine.containers.bug = BUG

    upkeep.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["engine watch"], [BUG])
    await operators.see("engine watch")
    await eventually(lambda: _now(upkeep.engine_answers))


async def test_sweep(
    engine: FakeEngine, upkeep: Upkeep, reports: Reports, operators: Operators
) -> None:
    """The loop that removes what serves nobody does so again."""
    upkeep.start()
    await eventually(lambda: _now(upkeep.engine_answers))
    engine.containers.bug = BUG
    upkeep.engine_came_or_went(True)  # which makes it sweep at once
    await reports.came.wait()
    engine.containers.add("left behind", "exited", new_owner().labels())

    assert (reports.names, reports.errors) == (["sweep"], [BUG])
    await operators.see("sweep")
    await eventually(lambda: _now(engine.containers.present), lambda present: not present)


async def test_look_up_siblings(
    supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that looks siblings up does so again, and finds them."""
    bugs = [BUG]

    async def look_up(name: str) -> set[Address]:
        if bugs:
            raise bugs.pop()
        return {("127.0.0.1", 4597)}

    siblings = Siblings(
        ("runner:4597",),
        told=3,
        replica="me",
        secret="",
        standing=lambda image: None,
        supervisor=supervisor,
        look_up=look_up,
    )
    siblings.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["look up siblings"], [BUG])
    await operators.see("look up siblings")
    [found] = await eventually(lambda: _now(siblings.statuses()))
    assert found.address == "127.0.0.1:4597"
    await siblings.close()


async def test_retire_replaced_images(
    engine: FakeEngine, upkeep: Upkeep, pools: Pools, reports: Reports, operators: Operators
) -> None:
    """The loop that retires replaced images does not forget the change at which it failed."""
    engine.images.add("kata:1")
    engine.images.bugs["image kata:1"] = BUG
    pools.warm_up(replace(spec_of("kata:1"), image_id="sha256:replaced"))

    upkeep.start()
    upkeep.images_changed()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["retire replaced images"], [BUG])
    await operators.see("retire replaced images")
    await eventually(lambda: _now(pools.by_image), lambda pools: not pools)


async def test_pools_upkeep(
    engine: FakeEngine, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that sizes the pools does so again, and forgets the image that nobody wants."""
    settings = PoolSettings(resize_s=0.001)
    bugs, moments_s = [BUG], [1000.0]

    def now_s() -> float:
        if bugs:
            raise bugs.pop()
        return moments_s[-1]

    pools = Pools(engine.containers, settings, supervisor=supervisor, now_s=now_s)
    await reports.came.wait()
    pools.warm_up(replace(spec_of(RUBY), image_id=engine.images.on_node[RUBY].image_id))
    moments_s.append(1000.0 + 2 * settings.forget_s)

    assert (reports.names, reports.errors) == (["pools' upkeep"], [BUG])
    await operators.see("pools' upkeep")
    await eventually(lambda: _now(pools.by_image), lambda pools: not pools)
    await pools.close()


async def test_traffic_light(
    engine: FakeEngine, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that keeps Ruby's container starts another one, which tells colours."""
    engine.images.bugs[f"image {RUBY}"] = BUG
    light = TrafficLight(engine.containers, engine.images, RUBY, {}, supervisor)

    light.start()
    await eventually(lambda: _now(len(reports.names) == 2))

    # The start is a task of its own, whose error ends the loop that waits for it, too.
    assert reports.names == ["start traffic light", "traffic light"]
    assert reports.errors == [BUG, BUG]
    await operators.see("traffic light")
    assert await light.colour("", "", "", "0") is Colour.GREEN
    await light.close()


async def test_warm_images(supervisor: Supervisor, reports: Reports, operators: Operators) -> None:
    """The loop that warms the images of the settings goes on with all of them."""
    bugs, warm = [BUG], []

    async def warm_up(name: str) -> bool:
        if bugs:
            raise bugs.pop()
        warm.append(name)
        return True

    images = WarmImages(("kata:1", "kata:2"), warm_up, supervisor)
    images.start()
    images.begin()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["warm images"], [BUG])
    await operators.see("warm images")
    await eventually(lambda: _now(warm == ["kata:1", "kata:2"]))
    await images.close()


async def test_loop_lag(supervisor: Supervisor, reports: Reports, operators: Operators) -> None:
    """The loop that measures how late the event loop is measures again."""
    bugs, moments_s = [BUG], iter(range(1_000_000))

    def now_s() -> float:
        if bugs:
            raise bugs.pop()
        return float(next(moments_s))

    lag = LoopLag(supervisor, every_s=0.001, now_s=now_s)
    lag.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["loop lag"], [BUG])
    await operators.see("loop lag")
    await eventually(lambda: _now(lag.seconds.sum_s))
    await lag.close()


async def test_live_page(
    fake_http: Served, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that renders the page renders again, for a watcher who has waited meanwhile."""
    bugs, runs = [BUG], RecentRuns()

    def look() -> RunsSeen:
        if bugs:
            raise bugs.pop()
        return runs.look()

    page = LivePage(fake_http.service.health, look, acts=False, supervisor=supervisor)
    page.start()
    with page.watching() as begin:
        await reports.came.wait()

        assert (reports.names, reports.errors) == (["live page"], [BUG])
        await operators.see("live page")
        frame = await page.frame_after(begin)
    assert b'"replica":' in frame.state
    await page.close()


async def test_live_page_siblings(
    fake_http: Served, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that looks at siblings for the page looks again, and the page shows one."""
    sibling = SiblingStatus("127.0.0.1:9", sent=0, failed=0, paused_s=0.0, last_error="")
    health = replace(fake_http.service.health(), siblings=(sibling,))
    bugs = [BUG, None]  # the page is rendered first, and then the siblings are looked for

    def ask() -> Health:
        if bugs and (bug := bugs.pop()):
            raise bug
        return health

    page = LivePage(ask, RecentRuns().look, acts=False, supervisor=supervisor)
    page.start()
    with page.watching() as number:
        await reports.came.wait()

        assert (reports.names, reports.errors) == (["live page: siblings"], [BUG])
        await operators.see("live page: siblings")
        frame = await page.frame_after(number)
        while sibling.address.encode() not in frame.state:
            frame = await page.frame_after(frame.number)
    await page.close()


async def test_watchdog(supervisor: Supervisor, reports: Reports, operators: Operators) -> None:
    """The loop that gives signs of life gives them again, so systemd restarts nothing."""
    bugs, sent = [BUG], list[bytes]()

    def send(_address: str, words: bytes) -> None:
        if bugs:
            raise bugs.pop()
        sent.append(words)

    systemd = Systemd("/run/notify", 2000, supervisor, send=send)
    systemd.start()
    await reports.came.wait()

    assert (reports.names, reports.errors) == (["watchdog"], [BUG])
    await operators.see("watchdog")
    await eventually(lambda: _now(len(sent) > 1))
    assert set(sent) == {ALIVE.encode()}
    await systemd.close()


def test_each_loop_has_a_test_that_makes_it_fail() -> None:
    """No loop of the sources is without a test in this file that sees it fail and work again."""
    seen = re.findall(r'operators\.see\("(.+)"\)', Path(__file__).read_text())

    assert sorted(seen) == sorted(_loops_in(SOURCES))


def _loops_in(folder: Path) -> Iterator[str]:
    """The name that each loop of the sources is given where it begins."""
    for room in ("pool", "runner"):
        for path in (folder / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                match node:
                    case ast.Call(
                        func=ast.Attribute(attr="loop"), args=[_, ast.Constant(str(name))]
                    ):
                        yield name
                    case ast.Call(func=ast.Attribute(attr="loop")):
                        pytest.fail(f"{path}:{node.lineno}: a loop without a plain name")


async def test_operators_see_a_loop_that_has_failed(serve_fake: ServeFake) -> None:
    """`/health` and `/metrics` tell that it failed and why, and then that it runs again."""
    engine = FakeEngine()
    engine.containers.bug = BUG
    async with serve_fake(engine) as http:

        async def watch() -> dict[str, object]:
            loops = (await http.ask("/health", verb="GET")).body["loops"]
            assert loops["image changes"] == {"is_running": True, "failures": 0, "last_error": ""}
            status: dict[str, object] = loops["engine watch"]
            return status

        await eventually(watch, lambda status: status["failures"] == 1)
        told = await eventually(watch, lambda status: bool(status["is_running"]))
        seen = await scrape(http)

    assert told == {"is_running": True, "failures": 1, "last_error": "a bug"}
    watch_label, other = (("loop", "engine watch"),), (("loop", "image changes"),)
    assert seen["runner_loop_failures_total", watch_label] == 1
    assert seen["runner_loop_failures_total", other] == 0
    assert seen["runner_loop_running", watch_label] == 1


async def _now(value: T) -> T:
    return value
