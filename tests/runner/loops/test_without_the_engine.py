"""The other loops: each fails by an error that nobody foresaw, and works again."""

from dataclasses import replace

from pool import Supervisor
from runner.colour.questions import Colour
from runner.colour.traffic_light import TrafficLight
from runner.operators.health import Health
from runner.operators.live_page import LivePage
from runner.operators.loop_lag import LoopLag
from runner.operators.recent_runs import RecentRuns, RunsSeen
from runner.operators.systemd import ALIVE, Systemd
from runner.siblings.sibling import Address, SiblingStatus
from runner.siblings.siblings import Siblings
from runner.warming.warm_images import WarmImages
from tests.fakes import FakeEngine
from tests.reports import Reports
from tests.serving import Served
from tests.waiting import eventually

from .support import BUG, RUBY, Operators, now


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
    [found] = await eventually(lambda: now(siblings.statuses()))
    assert found.address == "127.0.0.1:4597"
    await siblings.close()


async def test_traffic_light(
    engine: FakeEngine, supervisor: Supervisor, reports: Reports, operators: Operators
) -> None:
    """The loop that keeps Ruby's container starts another one, which tells colours."""
    engine.images.bugs[f"image {RUBY}"] = BUG
    light = TrafficLight(engine.containers, engine.images, RUBY, {}, supervisor)

    light.start()
    await eventually(lambda: now(len(reports.names) == 2))

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
    await eventually(lambda: now(warm == ["kata:1", "kata:2"]))
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
    await eventually(lambda: now(lag.seconds.sum_s))
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
        frame = await page.rendering_after(begin)
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
        frame = await page.rendering_after(number)
        while sibling.address.encode() not in frame.state:
            frame = await page.rendering_after(frame.number)
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
    await eventually(lambda: now(len(sent) > 1))
    assert set(sent) == {ALIVE.encode()}
    await systemd.close()
