"""What Prometheus gets."""

from dataclasses import replace

from pool import LoopStatus
from runner.cells.cells import CellsStatus
from runner.operators.health import Health
from runner.operators.limits import limits_of
from runner.operators.metrics import MOST_IMAGES, OTHER, Metrics
from runner.run.judge import ColoursStatus
from runner.run.record import RunRecord
from runner.settings import Settings
from tests.conftest import ServeFake
from tests.runner.operators.scrape import samples, scrape


def red(image: str) -> RunRecord:
    """A run of that image, which is on this node."""
    return RunRecord("id", image, True, "red", "1", "", 0.0, {}, True, "cells", "container")


def no_pools() -> Health:
    """The health of a service that has not run anything."""
    return Health(
        status="ok",
        replica="me",
        version="1.2.3",
        uptime_s=1.0,
        engine_answers=True,
        is_listening=True,
        running=0,
        queued=0,
        refused=0,
        pulling=(),
        pulls={},
        tasks=1,
        loops={},
        limits=limits_of(Settings(_env_file=None)),
        colours=ColoursStatus(True, 0, 0, 0, 0, ""),
        cells=CellsStatus("never", "single use", "not wanted", 0),
        tool_images={},
        siblings=(),
        heard_ago_s={},
        notices_in={},
        notices_out={},
        pools={},
    )


async def test_a_run_is_counted_by_image_and_outcome(serve_fake: ServeFake) -> None:
    """Red, green and their pool's takes are there after two runs."""
    async with serve_fake(warm=1) as http:
        await http.until_ready()
        await http.run("exit 0")
        await http.run("exit 1")

        seen = await scrape(http)

    image = ("image", http.image)
    assert seen["runner_runs_total", (image, ("outcome", "green"))] == 1
    assert seen["runner_runs_total", (image, ("outcome", "red"))] == 1
    hits = seen["runner_pool_takes_total", (image, ("result", "hit"))]
    misses = seen["runner_pool_takes_total", (image, ("result", "miss"))]
    assert hits + misses == 2
    assert seen["runner_pool_target_containers", (image,)] == 1
    assert seen["runner_engine_up", ()] == 1


async def test_every_phase_of_a_run_is_timed(serve_fake: ServeFake) -> None:
    """Each run gives one observation of queue, acquire, run and judge."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.run()

        seen = await scrape(http)

    for phase in ("queue", "acquire", "run", "judge"):
        assert seen["runner_run_duration_seconds_count", (("phase", phase),)] == 1


def test_image_names_cannot_make_series_without_end() -> None:
    """Past a number of images all others share one label."""
    metrics = Metrics(no_pools, "abc")
    for number in range(MOST_IMAGES + 10):
        metrics.run_ended(red(f"image-{number}"))

    seen = samples(metrics.render().decode())

    runs = {dict(labels)["image"] for name, labels in seen if name == "runner_runs_total"}
    assert len(runs) == MOST_IMAGES + 1
    assert seen["runner_runs_total", (("image", OTHER), ("outcome", "red"))] == 10


async def test_images_that_are_not_here_share_a_label(serve_fake: ServeFake) -> None:
    """Made-up names leave the labels to those of images that are on this node."""
    async with serve_fake() as http:
        await http.until_ready()
        for number in range(MOST_IMAGES):
            await http.run(image_name=f"made-up-{number}")
        await http.run("exit 0")

        seen = await scrape(http)

    assert seen["runner_runs_total", (("image", OTHER), ("outcome", "pulling"))] == MOST_IMAGES
    assert seen["runner_runs_total", (("image", http.image), ("outcome", "green"))] == 1


def test_says_which_commit_runs() -> None:
    """The metrics tell the commit, for operators who compare replicas during a roll-out."""
    seen = samples(Metrics(no_pools, "abc123").render().decode())

    assert seen["runner_build_info", (("commit", "abc123"),)] == 1


def test_a_loop_that_waits_to_run_again_is_not_running() -> None:
    """An alarm can be made of a loop that stands still, and of one that fails often."""
    loops = {"sweep": LoopStatus(is_running=False, failures=3, last_error="a bug")}
    health = replace(no_pools(), loops=loops)

    seen = samples(Metrics(lambda: health, "abc").render().decode())

    assert seen["runner_loop_running", (("loop", "sweep"),)] == 0
    assert seen["runner_loop_failures_total", (("loop", "sweep"),)] == 3
