"""The results as tables for the terminal, and as a section of docs/benchmarks.md."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench import pictures
from bench.katas import HARVESTED, PYTHON, TRUE, UNHARVESTED
from bench.results import Cell, Found, Result, p50, per_second
from bench.ways import CELLS, DOCKER_RUN, LIMIT, MISS, TITLES, WARM
from scripts.daemon import ROOT

DOCUMENT = ROOT / "docs" / "benchmarks.md"
BEGIN, END = "<!-- ways: begin -->", "<!-- ways: end -->"
AT_ONCE_WANTED = 4  # single use has a goal for so many at a time
NONE = ""  # stands for a figure that was not measured

console = Console(width=120)


@dataclass(frozen=True)
class Table:
    """Words to the left, as many columns as `words` says; numbers to the right."""

    title: str
    headings: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


def tables(found: Found) -> list[Table]:
    """All tables."""
    made = [_one_at_a_time(found)] if found.workloads else []
    if found.workloads:
        made += [
            _by_at_once(found, "p50 / p99, ms", _p50_and_p99),
            _by_at_once(found, "Runs a second", lambda cell: _number(cell.per_second)),
            _by_at_once(found, "CPU of the whole machine for a run, ms", _cpu),
        ]
    if any(found.harvest_ms(way) is not None for way in found.ways):
        made.append(_harvest(found))
    if any(found.of_class(way) for way in found.ways):
        made.append(_class(found))
    made.append(_totals(found))
    if wanted := _wanted(found):
        made.append(wanted)
    return made


def _one_at_a_time(found: Found) -> Table:
    at_once = found.at_once[0]
    rows = []
    for workload in found.workloads:
        for way in found.ways:
            if cell := found.get(way, workload, at_once):
                rows.append(
                    [
                        workload,
                        TITLES[way],
                        str(cell.runs),
                        *(_number(cell.percentile_ms(percent)) for percent in (50, 90, 99, 100)),
                        _times(found.ratio(p50, way, LIMIT, workload, at_once)),
                        _times(found.ratio(p50, DOCKER_RUN, way, workload, at_once)),
                        _cpu(cell),
                    ]
                )
    headings = ("workload", "way", "runs", "p50 ms", "p90", "p99", "max", "times the limit",
                "faster than docker run", "CPU ms")  # fmt: skip
    return Table(f"{at_once} at a time", headings, rows, words=2)


def _by_at_once(found: Found, title: str, figure: Callable[[Cell], str]) -> Table:
    rows = []
    for workload in found.workloads:
        for way in found.ways:
            cells = [found.get(way, workload, at_once) for at_once in found.at_once]
            rows.append(
                [workload, TITLES[way], *(figure(cell) if cell else NONE for cell in cells)]
            )
    headings = ("workload", "way", *(f"{at_once} at a time" for at_once in found.at_once))
    return Table(title, headings, rows, words=2)


def _harvest(found: Found) -> Table:
    rows = []
    for way in found.ways:
        with_, without = found.get(way, HARVESTED.name, 1), found.get(way, UNHARVESTED.name, 1)
        harvest_ms = found.harvest_ms(way)
        if with_ and without and harvest_ms is not None:
            rows.append([TITLES[way], _number(p50(with_)), _number(p50(without)),
                         _number(harvest_ms)])  # fmt: skip
    headings = ("way", "100 files in /sandbox", "100 files in /tmp", "the harvest")
    return Table("Harvest of 100 files of 1 KiB: medians, ms", headings, rows)


def _class(found: Found) -> Table:
    rows = []
    for way in found.ways:
        cell = found.of_class(way)
        if cell and cell.runs:
            rows.append(
                [
                    TITLES[way],
                    str(cell.runs),
                    *(_number(cell.percentile_ms(percent)) for percent in (50, 90, 99, 100)),
                    _cpu(cell),
                    _takes(cell.hits),
                    _takes(cell.misses),
                ]
            )
    headings = ("way", "runs", "p50 ms", "p90", "p99", "max", "CPU ms", "hits", "misses")
    return Table("A class of 30: Python, 6 files, one a second (open loop)", headings, rows)


def _totals(found: Found) -> Table:
    rows = []
    for way in found.ways:
        cells = [cell for cell in found.cells if cell.way == way]
        errors: dict[str, int] = {}
        for cell in cells:
            for what, count in cell.errors.items():
                errors[what] = errors.get(what, 0) + count
        runs = sum(cell.runs for cell in cells)
        own_ms = sum(cell.own_s for cell in cells) / max(1, runs) * 1000
        told = [cell for cell in cells if cell.hits is not None]
        hits, misses = (
            sum(getattr(cell, name) or 0 for cell in told) if told else None
            for name in ("hits", "misses")
        )
        said = ", ".join(f"{count} x {what}" for what, count in errors.items()) or "none"
        rows.append([TITLES[way], str(runs), _takes(hits), _takes(misses), said, _number(own_ms)])
    headings = ("way", "runs", "hits", "misses", "errors", "the load generator's CPU, ms a run")
    return Table("All runs", headings, rows)


def _wanted(found: Found) -> Table | None:
    """The table of goals: the wanted figures beside the measured ones."""
    rows: list[list[str]] = []

    def row(what: str, way: str, wanted: float, figure: float | None, *, at_least: bool) -> None:
        if figure is not None:
            held = figure >= wanted if at_least else figure <= wanted
            limit = f"{'at least' if at_least else 'at most'} {wanted:g}"
            rows.append([what, TITLES[way], limit, f"{figure:.2f}", "yes" if held else "NO"])

    for way in (WARM, CELLS):
        row("true, p50: times the limit", way, 1.8,
            found.ratio(p50, way, LIMIT, TRUE.name, 1), at_least=False)  # fmt: skip
        row("true, p50: times faster than docker run", way, 20,
            found.ratio(p50, DOCKER_RUN, way, TRUE.name, 1), at_least=True)  # fmt: skip
        row("Python, p50: times the limit", way, 1.1,
            found.ratio(p50, way, LIMIT, PYTHON.name, 1), at_least=False)  # fmt: skip
        row("harvest of 100 files, ms", way, 20, found.harvest_ms(way), at_least=False)
        mine, limit = found.of_class(way), found.of_class(LIMIT)
        if mine and limit and mine.runs and limit.runs:
            row("class, p99: ms above the limit's", way, 50,
                mine.percentile_ms(99) - limit.percentile_ms(99), at_least=False)  # fmt: skip
    for at_once in found.at_once:
        many = f"{at_once} at a time"
        times = found.ratio(per_second, CELLS, DOCKER_RUN, TRUE.name, at_once)
        row(f"true, runs a second: times docker run's, {many}", CELLS, 20, times, at_least=True)
        part = found.ratio(per_second, CELLS, LIMIT, PYTHON.name, at_once)
        row(f"Python, runs a second: part of the limit's, {many}", CELLS, 0.85, part, at_least=True)
        times = found.ratio(per_second, WARM, DOCKER_RUN, PYTHON.name, at_once)
        if at_once == AT_ONCE_WANTED:
            row(f"Python, runs a second: times docker run's, {many}", WARM, 2, times, at_least=True)
    for workload in found.workloads:
        row(f"{workload}, p50: times docker run's", MISS, 0.6,
            found.ratio(p50, MISS, DOCKER_RUN, workload, 1), at_least=False)  # fmt: skip
    headings = ("what", "way", "wanted", "found", "held")
    return Table("What was wanted", headings, rows, words=3) if rows else None


def show(result: Result) -> None:
    """Print the tables in the terminal."""
    for table in tables(Found([result])):
        made = RichTable(title=table.title, title_justify="left")
        for number, heading in enumerate(table.headings):
            made.add_column(heading, justify="left" if number < table.words else "right")
        for row in table.rows:
            made.add_row(*row)
        console.print(made)


def write(results: Sequence[Result], document: Path = DOCUMENT) -> None:
    """Write the section of the document anew, and its pictures beside the document."""
    found = Found(results)
    drawn = pictures.draw(found, document.parent / "pictures")
    document.write_text(replaced(document.read_text(), section(found, drawn)))
    console.print(f"wrote docs/{document.name} and {', '.join(name for name, _ in drawn)}")


def replaced(document: str, section_: str) -> str:
    """The document with the section between its marks."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there are no {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{section_}\n{END}{after}"


def section(found: Found, drawn: Iterable[tuple[str, str]] = ()) -> str:
    """The section in Markdown. `drawn` are names of pictures, and what they show."""
    parts = [_provenance(found)]
    parts += [f"![{what}](pictures/{name})\n" for name, what in drawn]
    parts += [_markdown(table) for table in tables(found)]
    return "\n".join(parts)


def _provenance(found: Found) -> str:
    lines = []
    for result in found.results:
        arguments = f' ARGS="{result.command}"' if result.command else ""
        lines.append(
            f"Measured by `make bench{arguments}` at commit {result.commit}; {result.machine};"
            f" idle, all processors together used {100 * result.idle_share:.0f} % of one.\n"
        )
    return "\n".join(dict.fromkeys(lines))


def _markdown(table: Table) -> str:
    rules = ["---" if n < table.words else "---:" for n in range(len(table.headings))]
    lines = [f"### {table.title}", "", *map(_row, (table.headings, rules, *table.rows)), ""]
    return "\n".join(lines)


def _row(words: Sequence[str]) -> str:
    return f"| {' | '.join(words)} |"


def _p50_and_p99(cell: Cell) -> str:
    return f"{_number(p50(cell))} / {_number(cell.percentile_ms(99))}"


def _cpu(cell: Cell) -> str:
    return _number(cell.cpu_ms)


def _number(value: float) -> str:
    """A number with three digits, because more of them have no meaning."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"


def _times(ratio: float | None) -> str:
    return NONE if ratio is None else f"{ratio:.2f}"


def _takes(count: int | None) -> str:
    return NONE if count is None else str(count)
