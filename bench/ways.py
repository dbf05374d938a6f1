"""A warm run beside the limit, a miss, and a `docker run` per request: all in one run, in turns."""

import shutil
import statistics
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from bench import limit
from bench.katas import IMAGE, KATAS
from runner.hand_over import GID, UID, pack
from runner.kata import Kata
from scripts.daemon import ROOT, ask, daemon, wait_until_warm

ROUNDS = 15
LOG = ROOT / ".state" / "bench.log"

# What a service does that starts a container for each request: the same files, the same script.
_DOCKER_RUN = ["docker", "run", "--rm", "--interactive", "--network=none", "--init",
               f"--user={UID}:{GID}", "--tmpfs=/sandbox:exec,mode=1777", "--memory=2g",
               "--pids-limit=128", "--security-opt=no-new-privileges"]  # fmt: skip

console = Console()


async def main() -> int:
    """Print the table; exit status 1 when a run gave a wrong answer."""
    if shutil.which("docker") is None:
        console.print("error: `docker run` is measured too; run: apt-get install docker-cli")
        return 1
    warm_log, cold_log = LOG, LOG.with_suffix(".cold.log")
    with (
        daemon(warm_log) as warm_url,
        daemon(cold_log, CYBER_DOJO_RUNNER_WARM="0") as cold_url,
    ):
        async with limit.root_of(IMAGE) as root:
            ask(warm_url, "pull_image", {"id": "bench", "image_name": IMAGE})
            for name, kata in KATAS.items():
                _print(name, _measure(kata, root, warm_url, cold_url))
    return 0


def _measure(kata: Kata, root: Path, warm_url: str, cold_url: str) -> dict[str, list[float]]:
    """Milliseconds of every way, taken in turns so that all meet the same noise."""
    ways: dict[str, Callable[[], None]] = {
        "chroot (the limit)": lambda: _in_chroot(root, kata),
        "warm container": lambda: _over_http(warm_url, kata),
        "miss": lambda: _over_http(cold_url, kata),
        "docker run": lambda: _docker_run(kata),
    }
    times: dict[str, list[float]] = {way: [] for way in ways}
    for _ in track(range(ROUNDS), description=kata.files["cyber-dojo.sh"].strip()):
        for way, run in ways.items():
            wait_until_warm(warm_url, IMAGE)
            started = time.perf_counter()
            run()
            times[way].append((time.perf_counter() - started) * 1000)
        limit.clear(root)
    return times


def _in_chroot(root: Path, kata: Kata) -> None:
    limit.run_in(root, kata)


def _over_http(url: str, kata: Kata) -> None:
    manifest = {"image_name": kata.image_name, "max_seconds": kata.max_seconds}
    body = {"id": kata.id, "files": dict(kata.files), "manifest": manifest}
    answer = ask(url, "run_cyber_dojo_sh", body)["run_cyber_dojo_sh"]
    if answer["status"] != "0":
        raise SystemExit(f"wrong answer: {answer}")


def _docker_run(kata: Kata) -> None:
    script = (
        "cd / && tar -xzf - && cd /sandbox && bash ./cyber-dojo.sh >/tmp/dojo/stdout 2>&1;"
        " tar -C / -cf - tmp/dojo sandbox"
    )
    subprocess.run(
        [*_DOCKER_RUN, IMAGE, "bash", "-c", script],
        input=pack(kata), check=True, capture_output=True,
    )  # fmt: skip


def _print(name: str, times: dict[str, list[float]]) -> None:
    least = statistics.median(times["chroot (the limit)"])
    table = Table(title=f"{name}: ms, {ROUNDS} rounds")
    for heading in ("way", "median", "p95", "times the limit"):
        table.add_column(heading, justify="left" if heading == "way" else "right")
    for way, taken in times.items():
        median = statistics.median(taken)
        p95 = statistics.quantiles(taken, n=20)[-1]
        table.add_row(way, f"{median:.1f}", f"{p95:.1f}", f"{median / least:.2f}")
    console.print(table)
