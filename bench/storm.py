"""Measures a refill storm's effect on runs that go on: with refills that yield, and without."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import aiodocker
from rich.console import Console
from rich.table import Table

from bench.katas import IMAGE, PYTHON
from bench.load import Press, client, median_ms, over_http, percentile_ms, poisson, press_at
from pool import DEFAULT_DOCKER_HOST
from pool.orphans import REPLICA_LABEL
from scripts.daemon import ROOT, ask, daemon, wait_until_warm

OTHER = "dojo-runner/busybox-bash:latest"
WARM = 8
KILLED = 5  # containers of the other image, every few seconds
EVERY_S = 6.0
ROUNDS = 2
LASTS_S = 40.0
PER_SECOND = 1.0
LOG = ROOT / ".state" / "bench-storm.log"

console = Console()

# The daemon as it is, but for the one rule.
_HASTY = (
    "import pool.starts as ours; ours.may_yield = lambda *args, **kwargs: False;"
    " from runner.__main__ import main; main()"
)


async def main() -> int:
    """Print the table."""
    table = Table(title=f"pytest kata at {PER_SECOND:g} a second: ms, {LASTS_S:g} s each, in turns")
    for heading in ("refills", "storm", "runs", "median", "p95"):
        table.add_column(heading, justify="right")
    presses: dict[tuple[str, str], list[Press]] = {}
    for seed in range(ROUNDS):
        for refills, program in (("yield", None), ("do not yield", _HASTY)):
            for storm in ("none", f"{KILLED} every {EVERY_S:g} s"):
                console.print(f"refills {refills}, storm {storm} ...")
                found = await _measure(program, storm != "none", seed)
                presses.setdefault((refills, storm), []).extend(found)
    for (refills, storm), found in presses.items():
        p95 = percentile_ms(found, 95)
        table.add_row(refills, storm, str(len(found)), f"{median_ms(found):.0f}", f"{p95:.0f}")
    console.print(table)
    return 0


async def _measure(program: str | None, is_stormy: bool, seed: int) -> list[Press]:
    settings = {
        "CYBER_DOJO_RUNNER_REPLICA": "bench-storm",
        "CYBER_DOJO_RUNNER_WARM_MIN": str(WARM),
        "CYBER_DOJO_RUNNER_WARM_IMAGES": f"{IMAGE},{OTHER}",
    }
    with daemon(LOG, program=program, **settings) as url:
        for image in (IMAGE, OTHER):
            ask(url, "pull_image", {"id": "bench", "image_name": image})
            wait_until_warm(url, image)
        due_s = list(poisson(PER_SECOND, LASTS_S, seed))
        async with client() as http, _storm() if is_stormy else contextlib.nullcontext():
            found = await press_at(over_http(http, url, PYTHON.kata), due_s)
    wrong = [press.outcome for press in found if press.outcome != "green"]
    if wrong:
        raise SystemExit(f"wrong outcomes: {wrong}")
    return found


@contextlib.asynccontextmanager
async def _storm() -> AsyncIterator[None]:
    """Inside the block some of the other image's warm containers are killed, again and again."""
    task = asyncio.create_task(_kill_for_ever())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _kill_for_ever() -> None:
    filters = {"label": [f"{REPLICA_LABEL}=bench-storm"], "ancestor": [OTHER]}
    async with aiodocker.Docker(url=DEFAULT_DOCKER_HOST) as docker:
        while True:
            for container in (await docker.containers.list(filters=filters))[:KILLED]:
                with contextlib.suppress(aiodocker.DockerError):  # it may have gone meanwhile
                    await container.kill()
            await asyncio.sleep(EVERY_S)
