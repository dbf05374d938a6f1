"""Where the daemon's time goes: a flame graph of runs in cells, by py-spy."""

import shutil
import subprocess
import time
from pathlib import Path

from rich.console import Console

from bench import cpu
from bench.katas import IMAGE, TRUE
from bench.load import arguments_of
from scripts.daemon import ROOT, ask, free_port, running, wait_until_warm

SAMPLES_PER_S = 500
LOG = ROOT / ".state" / "bench-flame.log"

console = Console()


def main(picture: Path, seconds: int) -> int:
    """One run of `true` after the other, as seen by the daemon's main thread and its helpers."""
    spy = ROOT / ".venv" / "bin" / "py-spy"
    if not spy.exists() and shutil.which("py-spy") is None:
        console.print("error: py-spy is not installed; run: make venv")
        return 1
    body = arguments_of(TRUE.kata)
    settings = {"CYBER_DOJO_RUNNER_REUSE": "cells", "CYBER_DOJO_RUNNER_WARM_IMAGES": IMAGE}
    port = free_port()
    with running(LOG, port, None, settings) as process:
        url = f"http://127.0.0.1:{port}"
        wait_until_warm(url, IMAGE)
        ask(url, "run_cyber_dojo_sh", body)
        with subprocess.Popen(
            [str(spy), "record", f"--pid={process.pid}", f"--duration={seconds}",
             f"--rate={SAMPLES_PER_S}", "--format=flamegraph", f"--output={picture}"],
            stdout=subprocess.DEVNULL,
        ) as recording:  # fmt: skip
            began_s, busy_s, runs = time.perf_counter(), cpu.of_process(process.pid), 0
            while time.perf_counter() - began_s < seconds:
                ask(url, "run_cyber_dojo_sh", body)
                runs += 1
            each_ms = (cpu.of_process(process.pid) - busy_s) / runs * 1000
    text = picture.read_text().replace(f"{ROOT}/", "")
    # The title would be the whole command, with this machine's paths.
    title = f"dojo-runner: {runs} runs of true in cells, {each_ms:.1f} ms of CPU each in the daemon"
    begin, end = text.index("py-spy record"), text.index("</text>", text.index("py-spy record"))
    picture.write_text(text[:begin] + title + text[end:])
    console.print(f"{title}; {picture}")
    return recording.returncode
