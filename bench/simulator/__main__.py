"""`make simulate`: days of classes and group starts, tables and pictures."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.validators import Number

from bench.simulator import parts, report
from bench.simulator.experiments import BLOCKS, Dates
from bench.simulator.replica import World
from bench.simulator.workload import ALL_HOURS, LONE_HOURS

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"

app = App(name="python -m bench.simulator", help="Days of classes in virtual time.")


def _has_learners(_: Any, hours: tuple[int, int]) -> None:
    """Raise ValueError for hours in which nobody comes, or that are no hours."""
    first, until = hours
    if not 0 <= first < until <= ALL_HOURS[1]:
        raise ValueError("the second hour must be after the first, and be 24 at most")
    if first >= LONE_HOURS[1] or until <= LONE_HOURS[0]:
        raise ValueError("nobody comes before {} and after {} o'clock".format(*LONE_HOURS))


@app.default
def main(
    *,
    seed: int = 1,
    day_count: int = 1,
    hours: Annotated[tuple[int, int], Parameter(validator=_has_learners)] = ALL_HOURS,
    replicas: tuple[int, ...] = (1, 12),
    cores: int = 4,
    group_starts: Annotated[int, Parameter(validator=Number(gte=BLOCKS))] = 100,
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
    hours
        From the first to the second, of each day. An hour takes some seconds, a whole day many.
    replicas
        How many replicas share the day's classes.
    cores
        Of each host.
    group_starts
        How many of each kind, at least 5.
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
    dates = Dates(tuple(range(seed, seed + day_count)), hours)
    like = World(cores=cores, one_host=one_host, in_turns=in_turns)
    single = [replace(like, replicas=number) for number in replicas]
    both = [world for one in single for world in (one, replace(one, cells=True))]
    if days:
        parts.days_of_all(single, dates, pictures)
    if groups:
        parts.groups(like, group_starts, pictures)
    if frontier:
        parts.frontier(both, dates, pictures)
    if workloads:
        parts.workloads(both, dates)
    if settings:
        parts.settings(both, dates, group_starts)
    if not (days or groups or frontier or workloads or settings):
        parts.comparison(both, dates, group_starts)
    report.console.print(f"{time.monotonic() - began_s:.0f} s")


if __name__ == "__main__":
    app()
