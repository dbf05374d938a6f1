"""Pictures for docs/ of what `ways` found."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bench.drawing import BLACK, BLUE, GREEN, ORANGE, PURPLE, RED, figure_of, save
from bench.results import Cell, Found
from bench.ways import CELLS, DOCKER_RUN, LIMIT, MISS, MISS_OWN, SERVER, TITLES, WARM, WARM_OWN

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_STYLES = {
    LIMIT: (BLACK, "o"),
    WARM: (BLUE, "s"),
    CELLS: (GREEN, "^"),
    MISS: (ORANGE, "D"),
    DOCKER_RUN: (RED, "v"),
    WARM_OWN: (BLUE, "+"),
    MISS_OWN: (ORANGE, "x"),
    SERVER: (PURPLE, "P"),
}
_COLUMNS = 3


def draw(found: Found, folder: Path) -> list[tuple[str, str]]:
    """Make all pictures; returns their names, and what they show."""
    drawn = []
    if found.workloads:
        _times(found, folder / "bench_times.svg")
        drawn.append(("bench_times.svg", "times of one run at a time, by workload and way"))
    if len(found.at_once) > 1:
        _by_at_once(
            found, folder / "bench_throughput.svg", lambda cell: cell.per_second, "runs a second"
        )
        _by_at_once(
            found, folder / "bench_cpu.svg", lambda cell: cell.cpu_ms,
            "CPU of the whole machine\nfor a run, ms",
        )  # fmt: skip
        drawn.append(("bench_throughput.svg", "runs a second by how many run at a time"))
        drawn.append(("bench_cpu.svg", "CPU of the whole machine for a run"))
    if any(found.of_class(way) for way in found.ways):
        _class(found, folder / "bench_class.svg")
        drawn.append(("bench_class.svg", "how many runs of a class took longer than so long"))
    return drawn


def _times(found: Found, path: Path) -> None:
    """Medians, and lines up to p99; each workload has a row of its own."""
    figure, (axis,) = figure_of(1, 1, height=1.2 + 0.7 * len(found.workloads))
    at_once, step = found.at_once[0], 0.8 / len(found.ways)
    for number, way in enumerate(found.ways):
        colour, marker = _STYLES[way]
        label = TITLES[way]
        for row, workload in enumerate(found.workloads):
            cell = found.get(way, workload, at_once)
            if cell is None:
                continue
            y = row - 0.4 + step * (number + 0.5)
            median_ms, p99_ms = cell.percentile_ms(50), cell.percentile_ms(99)
            axis.plot([median_ms, p99_ms], [y, y], color=colour, linewidth=1)
            axis.plot(median_ms, y, color=colour, marker=marker, markersize=6, linestyle="none",
                      label=label)  # fmt: skip
            label = "_"  # one entry for each way
    axis.set_xscale("log")
    _plain_numbers(axis)
    axis.set_yticks(range(len(found.workloads)), found.workloads)
    axis.invert_yaxis()
    axis.set_xlabel("ms; a mark is the median, its line goes up to p99")
    axis.set_title(f"{at_once} at a time", loc="left")
    figure.legend(loc="outside lower center", ncols=len(found.ways), frameon=False)
    save(figure, path)


def _by_at_once(found: Found, path: Path, of: Callable[[Cell], float], what: str) -> None:
    """A small picture for each workload, a line for each way."""
    columns = min(_COLUMNS, len(found.workloads))
    rows = -(-len(found.workloads) // columns)
    figure, axes = figure_of(rows, columns, height=0.8 + 2.4 * rows)
    for axis, workload in zip(axes, found.workloads, strict=False):
        for way in found.ways:
            colour, marker = _STYLES[way]
            cells = [cell for n in found.at_once if (cell := found.get(way, workload, n))]
            axis.plot([cell.at_once for cell in cells], [of(cell) for cell in cells],
                      color=colour, marker=marker, markersize=4, linewidth=1.2,
                      label=TITLES[way])  # fmt: skip
        axis.set_title(workload, loc="left")
        axis.set_xlabel("runs at a time")
        axis.set_xscale("log")
        axis.set_yscale("log")
        axis.set_xticks(found.at_once, list(map(str, found.at_once)))
        axis.minorticks_off()
        _plain_numbers(axis, x=False)
    for axis in axes[len(found.workloads) :]:
        axis.remove()
    for axis in axes[::columns]:
        axis.set_ylabel(what)
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    save(figure, path)


def _class(found: Found, path: Path) -> None:
    """The share of runs that took longer; both axes logarithmic, so that the tail is seen."""
    figure, (axis,) = figure_of(1, 1, height=4.0)
    for way in found.ways:
        cell = found.of_class(way)
        if cell and cell.runs:
            took_ms = sorted(cell.took_ms)
            longer = [100 * (1 - number / len(took_ms)) for number in range(len(took_ms))]
            axis.step(took_ms, longer, color=_STYLES[way][0], linewidth=1.4, label=TITLES[way])
    axis.set_xscale("log")
    axis.set_yscale("log")
    _plain_numbers(axis)
    axis.set_xlabel("ms, from when the press was due")
    axis.set_ylabel("runs that took longer, %")
    axis.set_title("A class of 30: Python, 6 files, one a second", loc="left")
    figure.legend(loc="outside lower center", ncols=len(found.ways), frameon=False)
    save(figure, path)


def _plain_numbers(axis: "Axes", *, x: bool = True) -> None:
    """Write 100 and not 10 to the power of 2, and write enough of the marks."""
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - see drawing.py

    for one in (axis.xaxis, axis.yaxis) if x else (axis.yaxis,):
        if one.get_scale() == "log":
            one.set_major_locator(LogLocator(subs=(1, 2, 5)))
            one.set_major_formatter("{x:g}")
            one.set_minor_formatter(NullFormatter())
