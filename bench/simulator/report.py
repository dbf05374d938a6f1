"""Tables of what was found."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.simulator.experiments import Day, ratio
from bench.simulator.goals import Comparison, percent

LEFT = ("policy", "notices", "what")
console = Console(width=120)


def table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Words to the left, numbers to the right."""
    made = Table(title=title, title_justify="left")
    for heading in headings:
        made.add_column(heading, justify="left" if heading in LEFT else "right")
    for row in rows:
        made.add_row(*row)
    console.print(made)


def days_table(title: str, by_policy: Mapping[str, Sequence[Day]]) -> None:
    """A row for each policy: means over the seeds, and the least and most where it matters."""
    headings = ("policy", "hits %", "in class %", "lone %", "misses in first minutes",
                "wait p99 ms", "p99.9 ms", "warm h", "least-most")  # fmt: skip
    table(title, headings, [[name, *_figures(found)] for name, found in by_policy.items()])


def _figures(found: Sequence[Day]) -> list[str]:
    def mean(of: Callable[[Day], float]) -> float:
        return statistics.mean(of(one) for one in found)

    hours = [one.warm_hours for one in found]
    return [
        percent(mean(lambda one: one.hit_rate), 2),
        percent(mean(lambda one: one.class_hit_rate), 2),
        percent(mean(lambda one: one.lone_hit_rate), 1),
        f"{mean(lambda one: one.first_minute_misses):.0f}",
        _milliseconds(mean(lambda one: one.wait_p99_s)),
        _milliseconds(mean(lambda one: one.wait_p999_s)),
        f"{statistics.mean(hours):.1f}",
        f"{min(hours):.0f}-{max(hours):.0f}",
    ]


def _milliseconds(wait_s: float) -> str:
    return "-" if math.isnan(wait_s) else f"{1000 * wait_s:.0f}"


def goals_table(comparisons: Sequence[Comparison]) -> None:
    """Our policy against reactive growth, and whether it meets each of the three goals."""
    table(
        "Three goals: at least the hits in class of reactive growth, at most its warm hours,"
        " at most half of its misses when a group begins",
        ("what", "policy", "in class %", "warm h", "group misses", "lone %"),
        [row for one in comparisons for row in one.rows()],
    )


def promise_1(found: Mapping[str, tuple[Sequence[Day], Sequence[Day]]]) -> None:
    """Warm container-hours, the pool's to those of the best fixed size, day by day."""
    rows = []
    for what, (ours, best) in found.items():
        parts = [one.warm_hours / other.warm_hours for one, other in zip(ours, best, strict=True)]
        worst_hits = min(one.class_hit_rate for one in ours)
        sizes = sorted({one.policy.removeprefix("fixed ") for one in best})
        held = max(parts) <= 0.5 and worst_hits >= 0.99
        their_hits = min(one.class_hit_rate for one in best)
        rows.append(
            [
                what,
                ", ".join(sizes),
                percent(their_hits, 2),
                f"{statistics.mean(parts):.2f}",
                f"{min(parts):.2f}-{max(parts):.2f}",
                percent(worst_hits, 2),
                "yes" if held else "NO",
            ]
        )
    table(
        "Promise 1: at most 0.5 of the warm container-hours of the best fixed size that has 99 %"
        " hits after a class's first minute",
        (
            "what",
            "best size",
            "its least hits %",
            "part of it",
            "least-most",
            "our least hits %",
            "kept",
        ),
        rows,
    )


def groups_table(misses: Mapping[str, Mapping[int, Sequence[int]]]) -> None:
    """Mean misses of a group's start: rows are ways, columns numbers of replicas."""
    replicas = list(next(iter(misses.values())))
    table(
        "Misses at the start of a group of 30, a language that nobody used yet, by replicas",
        ("what", *map(str, replicas)),
        [
            [name, *(f"{statistics.mean(of[number]):.2f}" for number in replicas)]
            for name, of in misses.items()
        ],
    )


def promise_2(
    without: Mapping[int, Sequence[int]], ways: Mapping[str, Mapping[int, Sequence[int]]]
) -> None:
    """How many times fewer misses, and the least and most of five blocks of group starts."""
    rows = []
    for name, of in ways.items():
        cells = []
        for number, misses in of.items():
            mean, *blocks = ratio(without[number], misses)
            if math.isnan(mean):  # nobody missed at all
                cells.append("-")
            elif any(math.isnan(block) for block in blocks):  # nobody missed in some of them
                cells.append(f"{mean:.0f}")
            else:
                cells.append(f"{mean:.1f} ({min(blocks):.1f}-{max(blocks):.1f})")
        rows.append([name, *cells])
    table(
        "Promise 2: at least 5 times fewer misses than without notices, by replicas (spread)",
        ("what", *map(str, without)),
        rows,
    )
