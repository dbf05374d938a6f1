"""`make simulate`: days of classes and group starts, tables and pictures."""

import time
from dataclasses import replace
from pathlib import Path

from cyclopts import App

from bench.simulator import parts, report
from bench.simulator.replica import World

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"

app = App(name="python -m bench.simulator", help="Days of classes in virtual time.")


@app.default
def main(
    *,
    seed: int = 1,
    day_count: int = 1,
    replicas: tuple[int, ...] = (1, 12),
    cores: int = 4,
    group_starts: int = 100,
    one_host: bool = False,
    in_turns: bool = False,
    days: bool = False,
    groups: bool = False,
    frontier: bool = False,
    workloads: bool = False,
    settings: bool = False,
    pictures: Path = PICTURES,
) -> None:
    """Hold the daemon's policy against reactive growth; or do the parts that are asked for.

    Parameters
    ----------
    seed
        Of the first day; the next ones follow.
    day_count
        How many days of each kind.
    replicas
        How many replicas share the day's classes.
    cores
        Of each host.
    group_starts
        How many of each kind.
    one_host
        All replicas on one host, instead of one each.
    in_turns
        The load balancer deals presses out in turns, not at random.
    days
        All policies over whole days, with pictures, and the promise about fixed sizes.
    groups
        Groups that begin, with a picture, and the promise about notices.
    frontier
        Hits in class for warm hours, with a picture: our policy and reactive growth, tuned.
    workloads
        Our policy and reactive growth on days of other kinds.
    settings
        The daemon's settings, one changed at a time.
    pictures
        Where they go.
    """
    began_s = time.monotonic()
    seeds = tuple(range(seed, seed + day_count))
    like = World(cores=cores, one_host=one_host, in_turns=in_turns)
    single = [replace(like, replicas=number) for number in replicas]
    both = [world for one in single for world in (one, replace(one, cells=True))]
    if days:
        parts.days_of_all(single, seeds, pictures)
    if groups:
        parts.groups(like, group_starts, pictures)
    if frontier:
        parts.frontier(both, seeds, pictures)
    if workloads:
        parts.workloads(both, seeds)
    if settings:
        parts.settings(both, seeds, group_starts)
    if not (days or groups or frontier or workloads or settings):
        parts.comparison(both, seeds, group_starts)
    report.console.print(f"{time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    app()
