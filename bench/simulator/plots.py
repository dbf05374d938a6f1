"""Pictures for docs/ of days in virtual time."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.drawing import BLACK, BLUE, GREEN, ORANGE, RED, figure_of, save
from bench.simulator.experiments import GOAL, Day
from bench.simulator.tally import Sample
from bench.simulator.workload import HOUR_S

SHOWN_HOURS = (7.5, 17.5)
DAY_SVG, TRADE_OFF_SVG, GROUPS_SVG = "day.svg", "trade_off.svg", "groups.svg"
FRONTIER_SVG = "frontier.svg"


def day(samples: Sequence[Sample], image: str, pictures: Path) -> None:
    """Demand, target and warm containers of one image."""
    figure, (above, below) = figure_of(2, 1, height=5.5)
    shown = [one for one in samples if SHOWN_HOURS[0] <= one.at_s / HOUR_S <= SHOWN_HOURS[1]]
    shown = shown or list(samples)  # of the evening
    hours = [one.at_s / HOUR_S for one in shown]
    above.plot(hours, [60 * one.rate for one in shown], color=BLACK, linewidth=1)
    above.set_ylabel("takes per minute,\nas the pool sees it")
    above.set_title(f"{image} on one replica, classes of 30 learners", loc="left")
    below.plot(hours, [one.warm for one in shown], color=ORANGE, linewidth=0.7, label="warm")
    below.step(hours, [one.target for one in shown], color=BLUE, linewidth=1.6, label="target",
               where="post")  # fmt: skip
    below.set_ylabel("containers")
    below.set_xlabel("hour of the day")
    below.set_ylim(0, max(1, *(one.target for one in shown)) * 1.25)
    below.legend(loc="upper right", ncols=2, frameon=False)
    below.sharex(above)
    save(figure, pictures / DAY_SVG)


def trade_off(by_replicas: Mapping[int, Mapping[str, Sequence[Day]]], pictures: Path) -> None:
    """Hit rate in class against warm container-hours, of all policies; up and left is better."""
    figure, axes = figure_of(1, len(by_replicas), height=4.2, sharey=True)
    for axis, (replicas, by_policy) in zip(axes, by_replicas.items(), strict=True):
        fixed = {name: found for name, found in by_policy.items() if name.startswith("fixed ")}
        points = [_point(found) for found in fixed.values()]
        axis.plot(*zip(*points, strict=True), color=BLACK, marker="o", markersize=4,
                  linewidth=0.8, label="fixed size (beside it)")  # fmt: skip
        for name, (hours, missed) in zip(fixed, points, strict=True):
            axis.annotate(name.removeprefix("fixed "), (hours, missed), xytext=(5, 4),
                          textcoords="offset points", fontsize=8)  # fmt: skip
        rest = [name for name in by_policy if name not in fixed]
        for name, colour, marker in zip(
            rest, (BLUE, GREEN, ORANGE, RED), ("s", "^", "D", "v"), strict=False
        ):
            axis.plot(*_point(by_policy[name]), color=colour, marker=marker, markersize=8,
                      linestyle="none", label=name)  # fmt: skip
        axis.axhline(100 * (1 - GOAL), color=RED, linewidth=0.8, linestyle="--")
        axis.set_title(f"{replicas} replica{'s' if replicas > 1 else ''}", loc="left")
        axis.set_yscale("symlog", linthresh=0.01)
        axis.set_ylim(-0.003, 60)
        axis.set_xlim(left=-15)
        axis.set_yticks([0, 0.01, 0.1, 1, 10], ["0", "0.01", "0.1", "1", "10"])
        axis.set_xlabel("warm container-hours a day,\nof each replica")
    axes[0].set_ylabel("misses after the first minute, %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False)
    save(figure, pictures / TRADE_OFF_SVG)


def frontier(
    panels: Mapping[str, Mapping[str, Mapping[str, Sequence[Day]]]], chosen: str, pictures: Path
) -> None:
    """Misses in class against warm hours; a line for each policy, a point for each tuning."""
    figure, axes = figure_of(2, (len(panels) + 1) // 2, height=6.4)
    # The columns are the numbers of replicas, and the rows single use and cells.
    order = sorted(panels, key=lambda title: (title.startswith("cells"), list(panels).index(title)))
    for axis, title in zip(axes, order, strict=True):
        for (name, line), (colour, marker) in zip(
            panels[title].items(), ((BLUE, "o"), (ORANGE, "s")), strict=True
        ):
            points = [_point(found) for found in line.values()]
            axis.plot(*zip(*points, strict=True), color=colour, marker=marker, markersize=5,
                      label=name)  # fmt: skip
            is_ours = name == "ours"
            for tuning, (hours, missed) in zip(line, points, strict=True):
                axis.annotate(tuning, (hours, missed), xytext=(-5, -10) if is_ours else (6, 3),
                              ha="right" if is_ours else "left", textcoords="offset points",
                              fontsize=7, color=colour)  # fmt: skip
                if is_ours and tuning == chosen:
                    axis.plot(hours, missed, color=BLUE, marker="o", markersize=11,
                              fillstyle="none", linestyle="none",
                              label="ours, as chosen")  # fmt: skip
        axis.set_title(title, loc="left")
        axis.margins(0.18)
        axis.set_yscale("log")
        axis.set_ylim(0.005, 5)
        axis.set_yticks([0.01, 0.1, 1], ["0.01", "0.1", "1"])
        axis.set_xlabel("warm container-hours a day, of each replica")
        axis.set_ylabel("misses in class, %")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False)
    save(figure, pictures / FRONTIER_SVG)


def groups(misses: Mapping[str, Mapping[int, Sequence[int]]], pictures: Path) -> None:
    """Mean misses at a group's start by the number of replicas, a line for each way."""
    figure, (axis,) = figure_of(1, 1, height=4.2)
    styles = zip((BLACK, ORANGE, BLUE, GREEN, RED), "osD^v", strict=True)
    for (name, of), (colour, marker) in zip(misses.items(), styles, strict=False):
        means = [statistics.mean(found) for found in of.values()]
        axis.plot(list(of), means, color=colour, marker=marker, markersize=5, label=name)
    axis.set_xticks(list(next(iter(misses.values()))))
    axis.set_ylim(bottom=0)
    axis.set_xlabel("replicas behind a load balancer that spreads presses evenly")
    axis.set_ylabel("misses, mean of many group starts")
    axis.set_title("30 learners begin in a language that nobody used yet", loc="left")
    axis.legend(frameon=False, loc="upper left")
    save(figure, pictures / GROUPS_SVG)


def _point(found: Sequence[Day]) -> tuple[float, float]:
    return (
        statistics.mean(one.warm_hours for one in found),
        100 * (1 - statistics.mean(one.class_hit_rate for one in found)),
    )
