"""python -m bench [ways|report|class|storm|replicas|flame|...]: `make bench`; `ways` by default."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Literal

from cyclopts import App, Parameter

from bench import (
    classroom,
    cpu_per_run,
    engine_cost,
    flame,
    languages,
    matrix,
    replays,
    replicas,
    report,
    results,
    scale,
    soak,
    storm,
    watching,
)
from bench.katas import C_IMAGE, IMAGE, WORKLOADS, WrongAnswerError
from bench.results import CLASS, HARVEST
from bench.ways import ALL_WAYS, WAYS, WayError
from scripts.daemon import ROOT, DaemonError

RESULT = ROOT / ".state" / "bench.json"
ALL = (*WORKLOADS, HARVEST, CLASS)

app = App(
    name="bench",
    help="Measurements on a real engine. Only on a quiet machine they mean much.",
    default_parameter=Parameter(consume_multiple=True),
)


@app.command(name="ways")
@app.default
def run_ways(
    *,
    ways: tuple[str, ...] = WAYS,
    workloads: tuple[str, ...] = ALL,
    at_once: tuple[int, ...] = (1, 2, 4, 8, 30),
    seconds: float = 3.0,
    rounds: int = 3,
    class_seconds: float = 45.0,
    harvests: int = 10,
    quick: bool = False,
    url: str = "",
    image: str = IMAGE,
    c_image: str = C_IMAGE,
    to: Path = RESULT,
    write_report: bool = False,
) -> int:
    """All ways beside each other, in turns: times, throughput, processor time.

    Parameters
    ----------
    ways
        limit, warm, cells, miss, docker-run; warm-own, miss-own: without networks that are lent.
    workloads
        true, python, c, files, large, stdout; harvest (of 100 files), class (30 learners).
    at_once
        How many runs at a time.
    seconds
        Of a way in each cell of the matrix. A slow way takes as long as its runs take.
    rounds
        In which these seconds are spent.
    class_seconds
        Of a way.
    harvests
        Of a way.
    quick
        Instead of those five: 1 and 4 at a time, half a second each, a class of 5 s.
    url
        Instead of all ways: a server that speaks the contract. Needs no engine.
    image
        For all but the C kata.
    c_image
        For the C kata.
    to
        The file for what was found; `report` reads it.
    write_report
        Into docs/benchmarks.md, with pictures.
    """
    if unknown := [*(set(ways) - set(ALL_WAYS)), *(set(workloads) - set(ALL))]:
        print(f"error: there is no {', '.join(unknown)}", file=sys.stderr)
        return 1
    plan = matrix.Plan(
        ways, workloads, at_once, seconds, rounds, class_seconds, harvests, url.rstrip("/"),
        image, c_image,
    )  # fmt: skip
    if quick:
        plan = plan.quick()
    try:
        result = asyncio.run(matrix.measure(plan, " ".join(sys.argv[1:])))
    except (WayError, WrongAnswerError, DaemonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    result.save(to)
    report.show(result)
    if write_report:
        report.write([result])
    return 0


@app.command(name="languages")
def run_languages(
    *,
    only: tuple[str, ...] = (),
    ways: tuple[str, ...] = languages.WAYS,
    rounds: int = 7,
    to: Path | None = None,
    write_report: bool = False,
) -> int:
    """Every language: colours, kind of container, times beside the limit and docker run.

    Parameters
    ----------
    only
        The names of some; what `to` and the page have of the others stays.
    ways
        limit, warm, cells, docker-run.
    rounds
        Runs of each way.
    to
        The file for what was found: docs/languages.json for the report, otherwise none.
    write_report
        Of all that is in that file, into docs/languages.md.
    """
    kept = to or (languages.FOUND if write_report else None)
    status = asyncio.run(languages.main(only, ways, rounds, kept))
    if write_report and kept:
        languages.write(languages.load(kept))
    return status


@app.command(name="report")
def run_report(*files: Path) -> int:
    """Write docs/benchmarks.md and its pictures from files that `ways` has written."""
    report.write([results.load(path) for path in files or (RESULT,)])
    return 0


@app.command(name="class")
def run_class(seed: int = 1) -> int:
    """A class of 30 for five minutes: hits, times, warm containers."""
    return asyncio.run(classroom.main(seed))


@app.command(name="storm")
def run_storm() -> int:
    """Runs during a refill storm, with refills that yield and refills that do not."""
    return asyncio.run(storm.main())


@app.command(name="replicas")
def run_replicas() -> int:
    """Three replicas: how soon one warms the others, and what mishaps of one cost the others."""
    return asyncio.run(replicas.main())


@app.command(name="engine")
def run_engine(rounds: int = 8, runtime: str = "") -> int:
    """Measure what a container costs the engine, and variants of it; `runtime`: one it knows."""
    return asyncio.run(engine_cost.main(rounds, runtime))


@app.command(name="scale")
def run_scale(images: int = 20, each: int = 10, only_takes: bool = False) -> int:
    """Measure a take among many images; then so many images with so many warm containers each.

    Parameters
    ----------
    images
        With warm containers on the engine.
    each
        Warm containers of an image.
    only_takes
        Only the first part, which needs no engine.
    """
    return asyncio.run(scale.main(images, each, only_takes=only_takes))


@app.command(name="replays")
def run_replays() -> int:
    """More images than a host has room for: what is started in vain; needs no engine."""
    return asyncio.run(replays.main())


@app.command(name="soak")
def run_soak(
    runs: int = 10_000,
    reuse: tuple[str, ...] = ("never", "cells"),
    restart_every: int = soak.RESTART_EVERY,
) -> int:
    """Send requests of every kind; status 1 after a wrong answer, or if a figure has grown.

    Parameters
    ----------
    runs
        So many with each value of the setting REUSE.
    reuse
        The values of REUSE: never, cells.
    restart_every
        After so many requests the engine, one of the soak's own, is restarted; 0: never.
    """
    return asyncio.run(soak.main(runs, reuse, restart_every))


@app.command(name="cpu-per-run")
def run_cpu_per_run(
    other: Path,
    *,
    reuse: Literal["never", "cells"] = "cells",
    pairs: int = 20,
    runs: int = 100,
    other_launcher: str = "",
) -> int:
    """The daemon's own CPU for a run, beside that of another checkout, in pairs of rounds.

    Parameters
    ----------
    other
        The folder of the other checkout; this one's packages serve both.
    reuse
        never, cells.
    pairs
        How often each of them gets a round.
    runs
        Of `true`, in a round; with never as many as are kept warm, 8.
    other_launcher
        The image with the other checkout's launcher, if it is not ours.
    """
    runs = runs if reuse == "cells" else min(runs, cpu_per_run.WARM[reuse])
    try:
        return cpu_per_run.main(
            other, reuse=reuse, pairs=pairs, runs=runs, other_launcher=other_launcher
        )
    except (WrongAnswerError, DaemonError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


@app.command(name="watching")
def run_watching(seconds: float = 600.0, watchers: int = 1) -> int:
    """What it costs a daemon that its live page is watched, for so many seconds."""
    try:
        return watching.main(seconds, watchers)
    except DaemonError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


@app.command(name="flame")
def run_flame(picture: Path, seconds: int = 8) -> int:
    """Where the daemon's time goes, as a flame graph."""
    return flame.main(picture, seconds)


def end_as_by_ctrl_c() -> None:
    """SIGTERM is taken like Ctrl-C, so the engine and the daemon that were started end, too."""

    def as_ctrl_c(*_: object) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a script's background jobs
            signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.raise_signal(signal.SIGINT)

    signal.signal(signal.SIGTERM, as_ctrl_c)


if __name__ == "__main__":
    end_as_by_ctrl_c()
    sys.exit(app())
