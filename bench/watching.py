"""What it costs a daemon that somebody watches its live page, as a part of a core."""

import http.client
import threading
import time
from contextlib import closing

from rich.console import Console

from bench.cpu_per_run import process_clock
from bench.katas import IMAGE
from scripts.daemon import ROOT, free_port, running, wait_until_warm

STREAM = "/page/stream"
READ_S = 30.0

console = Console()


class _Watcher(threading.Thread):
    """Reads the page's stream, as a browser does, until it is told to stop."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.states = 0
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=READ_S)
        self._is_over = False

    def run(self) -> None:
        with closing(self._connection):
            self._connection.request("GET", STREAM)
            with self._connection.getresponse() as stream:
                while not self._is_over and (line := stream.readline()):
                    self.states += line.startswith(b"data: ")

    def stop(self) -> None:
        self._is_over = True
        self.join(READ_S)


def main(seconds: float, watchers: int) -> int:
    """Measure one of two siblings, first unwatched and then watched, for so many seconds each."""
    ports = free_port(), free_port()
    settings = {
        "CYBER_DOJO_RUNNER_WARM_IMAGES": IMAGE,
        "CYBER_DOJO_RUNNER_WARM": "2",
        "CYBER_DOJO_RUNNER_SIBLINGS": ",".join(f"127.0.0.1:{port}" for port in ports),
    }
    logs = ROOT / ".state"
    with (
        running(logs / "bench-watching-1.log", ports[0], None, settings) as ours,
        running(logs / "bench-watching-2.log", ports[1], None, settings),
    ):
        for port in ports:
            wait_until_warm(f"http://127.0.0.1:{port}", IMAGE)
        clock = process_clock(ours.pid)
        unwatched = _used(clock, seconds)
        watching = [_Watcher(ports[0]) for _ in range(watchers)]
        for one in watching:
            one.start()
        watched = _used(clock, seconds)
        for one in watching:
            one.stop()
    states = sum(one.states for one in watching)
    console.print(
        f"{seconds:g} s each: {unwatched:.2%} of a core with nobody watching,"
        f" {watched:.2%} with {watchers} watching ({states} states)"
    )
    return 0


def _used(clock: int, seconds: float) -> float:
    began_s = time.clock_gettime(clock)
    time.sleep(seconds)
    return (time.clock_gettime(clock) - began_s) / seconds
