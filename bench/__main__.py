"""python -m bench [ways|class|storm|replicas]: what `make bench` runs; `ways` by default."""

import asyncio
import sys
from pathlib import Path

from cyclopts import App

from bench import classroom, engine_cost, flame, replicas, scale, soak, storm, ways

app = App(
    name="bench", help="Measurements on a real engine. Only on a quiet machine they mean much."
)


@app.default
def run_ways() -> int:
    """A warm run beside the limit, a miss, and a `docker run` per request."""
    return asyncio.run(ways.main())


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
    """What a container costs the engine, and variants of it; `runtime`: one that it knows."""
    return asyncio.run(engine_cost.main(rounds, runtime))


@app.command(name="scale")
def run_scale(images: int = 20, each: int = 10) -> int:
    """So many images with so many warm containers each."""
    return asyncio.run(scale.main(images, each))


@app.command(name="soak")
def run_soak(runs: int = 10_000, reuse: str = "cells") -> int:
    """So many runs of `true`, and what is held meanwhile; status 1 when it grows."""
    return asyncio.run(soak.main(runs, reuse))


@app.command(name="flame")
def run_flame(picture: Path, seconds: int = 8) -> int:
    """Where the daemon's time goes, as a flame graph."""
    return flame.main(picture, seconds)


if __name__ == "__main__":
    sys.exit(app())
