"""What Prometheus gets."""

import gzip
from dataclasses import replace

import pytest

from pool import (
    START_BOUNDS_S,
    Buckets,
    ContainerSpec,
    EngineError,
    LoopStatus,
    PoolStatistics,
)
from runner.cells.cells import CellsStatus
from runner.container.pulls import PullStatus
from runner.engine.calls import EngineCalls
from runner.engine.network_holders import NetworksStatus
from runner.kata import Outcome, Used
from runner.operators.health import Health
from runner.operators.image_labels import MOST_IMAGES, OTHER
from runner.operators.limits import limits_of
from runner.operators.metrics import Metrics
from runner.run.judge import ColoursStatus
from runner.run.record import ABANDONED, RunRecord
from runner.settings import Settings
from tests.conftest import ServeFake
from tests.runner.operators.scrape import samples, scrape
from tests.serving import Served

BUSY = PoolStatistics(
    spec=ContainerSpec("image", "sha256:0", ("bash",), b"ready", "1:1"),
    warm=1,
    starting=1,
    leased=1,
    resetting=0,
    waiting=0,
    target=3,
    take_rate=0.1,
    start_rate=0.1,
    rate=0.1,
    hits=1,
    misses=1,
    starts=3,
    failures=1,
    resets=1,
    discarded_after_runs=1,
    runs_of_discarded=1,
    discards={f"reason {number}": 1 for number in range(15)},
    start_times_s=(0.2, 0.4),
    start_seconds=Buckets(START_BOUNDS_S, (0.2, 0.4)),
    pause_s=1.5,
    last_error="no bash",
)


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
        networks=NetworksStatus(0, 3, ""),
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


def test_what_runs_take_is_counted_by_outcome() -> None:
    """CPU time is counted by outcome, and peak memory by kind of container, too."""
    metrics = Metrics(no_pools, "")
    run = replace(red("image"), used=Used(0.3, 9 << 20, 2))
    metrics.run_ended(run)
    metrics.run_ended(replace(run, kind="single use", used=Used(1.2, 50 << 20)))
    metrics.run_ended(replace(run, outcome="green", used=Used()))

    seen = samples(metrics.render().decode())

    outcome = ("outcome", "red")
    assert seen["runner_run_cpu_seconds_sum", (outcome,)] == pytest.approx(1.5)
    assert seen["runner_run_cpu_seconds_bucket", (("le", "0.5"), outcome)] == 1
    cells, single = ("kind", "cells"), ("kind", "single use")
    assert seen["runner_run_peak_memory_bytes_sum", (cells, outcome)] == 9 << 20
    assert seen["runner_run_peak_memory_bytes_sum", (single, outcome)] == 50 << 20
    assert ("runner_run_cpu_seconds_count", (("outcome", "green"),)) not in seen


async def test_every_phase_of_a_run_is_timed(serve_fake: ServeFake) -> None:
    """Each run gives one observation of queue, lease, run, harvest and colour."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.run()

        seen = await scrape(http)

    for phase in ("queue", "lease", "run", "harvest", "colour"):
        labels = (("image", http.image), ("phase", phase))
        assert seen["runner_run_duration_seconds_count", labels] == 1


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
    seen = samples(Metrics(no_pools, "abc123", version="1.2.3").render().decode())

    assert seen["runner_build_info", (("commit", "abc123"), ("version", "1.2.3"))] == 1


def test_a_loop_that_waits_to_run_again_is_not_running() -> None:
    """An alarm can be made of a loop that stands still, and of one that fails often."""
    loops = {"sweep": LoopStatus(is_running=False, failures=3, last_error="a bug")}
    health = replace(no_pools(), loops=loops)

    seen = samples(Metrics(lambda: health, "abc").render().decode())

    assert seen["runner_loop_running", (("loop", "sweep"),)] == 0
    assert seen["runner_loop_failures_total", (("loop", "sweep"),)] == 3


async def test_a_client_that_accepts_gzip_gets_it(serve_fake: ServeFake) -> None:
    """Prometheus does; the text is the same."""
    async with serve_fake() as http:
        await http.until_ready()
        await http.run()
        url, seen = f"{http.url}/metrics", {}
        for accepted in ("identity", "gzip", "identity"):  # the first is an answer to count
            asked = http.session.get(url, headers={"Accept-Encoding": accepted})
            async with asked as response:
                seen[accepted] = set(samples(await response.text()))
                encoding = response.headers.get("Content-Encoding", "identity")
                assert (response.status, encoding) == (200, accepted)

    assert seen["gzip"] == seen["identity"]


async def test_the_text_of_many_images_is_written_aside() -> None:
    """The text of the metrics is the same in a thread or not, compressed or not."""
    metrics = Metrics(no_pools, "abc")
    for number in range(MOST_IMAGES):
        metrics.run_ended(red(f"image-{number}"))

    aside = gzip.decompress(await metrics.render_aside(compress=True))

    assert set(samples(aside.decode())) == set(samples(metrics.render().decode()))


def test_there_are_no_series_of_creation() -> None:
    """A counter has no second series with the time of its creation."""
    metrics = Metrics(no_pools, "abc")
    metrics.run_ended(red("image"))

    assert "_created" not in metrics.render().decode()


def test_the_number_of_series_is_bounded() -> None:
    """The figure in docs/api.md holds, however many images there are and whatever they do."""
    health = replace(no_pools(), pools={f"image-{one}": BUSY for one in range(MOST_IMAGES + 10)})
    metrics = Metrics(lambda: health, "abc")
    for number in range(MOST_IMAGES + 10):
        for outcome in (*Outcome, ABANDONED):
            phases_s = dict.fromkeys(("queue", "lease", "run", "harvest", "colour"), 0.01)
            run = replace(red(f"image-{number}"), outcome=outcome, phases_s=phases_s)
            metrics.run_ended(run)

    assert 5000 < len(samples(metrics.render().decode())) < 7500


def test_pools_tell_of_starts_and_breakers() -> None:
    """How long starts took is a histogram, and an image that is not tried now is seen."""
    health = replace(no_pools(), pools={"image": BUSY})

    seen = samples(Metrics(lambda: health, "abc").render().decode())

    image = ("image", "image")
    assert seen["runner_container_start_seconds_bucket", (image, ("le", "0.25"))] == 1
    assert seen["runner_container_start_seconds_bucket", (image, ("le", "+Inf"))] == 2
    assert seen["runner_container_start_seconds_count", (image,)] == 2
    assert seen["runner_pool_breaker_open", (image,)] == 1


def test_calls_of_the_engine_are_counted_by_operation() -> None:
    """Operators see which call is slow, and which fails."""
    calls = EngineCalls()
    calls.ended("start", 0.3)
    calls.ended("pull", 1000.0)
    calls.failed(EngineError("pull", "no such host"))

    seen = samples(Metrics(no_pools, "abc", engine_calls=calls).render().decode())

    pull = ("operation", "pull")
    assert seen["runner_engine_call_seconds_bucket", (("le", "0.25"), ("operation", "start"))] == 0
    assert seen["runner_engine_call_seconds_bucket", (("le", "0.5"), ("operation", "start"))] == 1
    assert seen["runner_engine_call_seconds_sum", (pull,)] == 1000
    assert seen["runner_engine_call_failures_total", (pull,)] == 1


@pytest.mark.docker
async def test_a_real_engines_calls_are_counted(docker_http: Served) -> None:
    """Each call of the engine is timed, whoever makes it."""
    await docker_http.run("exit 0")

    seen = await scrape(docker_http)

    for operation in ("create", "attach", "start", "ready", "list", "inspect"):
        assert seen["runner_engine_call_seconds_count", (("operation", operation),)] > 0


async def test_answers_are_counted_by_path_and_status(serve_fake: ServeFake) -> None:
    """A path that nobody knows is one of the others, so that no client makes series."""
    async with serve_fake() as http:
        await http.until_ready()
        for path in ("/a", "/b", "/sha", "/readyz"):
            async with http.session.get(http.url + path):
                pass
        seen = await scrape(http)

    assert seen["runner_http_answers_total", (("path", "other"), ("status", "400"))] == 2
    assert seen["runner_http_answers_total", (("path", "/sha"), ("status", "200"))] == 1
    assert seen["runner_http_answers_total", (("path", "/readyz"), ("status", "200"))] == 1


def test_pulls_that_fail_are_told() -> None:
    """The metrics tell how many pulls have failed, and the longest wait for an image."""
    pulls = {"a:1": PullStatus(700.0, 3, "denied"), "b:1": PullStatus(20.0, 1, "")}
    metrics = Metrics(lambda: replace(no_pools(), pulling=("b:1",), pulls=pulls), "")

    seen = samples(metrics.render().decode())

    assert seen["runner_pulls_underway", ()] == 1
    assert seen["runner_pulls_failed", ()] == 1
    assert seen["runner_pulls_longest_wait_seconds", ()] == 700.0


async def test_colours_limits_and_pulls_are_told(serve_fake: ServeFake) -> None:
    """Prometheus gets the colours, limits and pulls that `/health` tells."""
    async with serve_fake(runs_at_once=3) as http:
        await http.until_ready()
        for _ in range(2):
            await http.run("exit 0")
        seen = await scrape(http)

    assert seen["runner_colour_questions_total", (("answered_by", "ruby"),)] == 1
    assert seen["runner_colour_questions_total", (("answered_by", "memory"),)] == 1
    assert seen["runner_colours_can_be_told", ()] == 1
    assert seen["runner_evaluator_restarts_total", ()] == 0
    assert seen["runner_limit_runs_at_once", ()] == 3
    assert seen["runner_pulls_underway", ()] == 0
    assert seen["runner_whole_run_duration_seconds_count", (("image", http.image),)] == 2
