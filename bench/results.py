"""Measurements as data: a file of each run, from which the report is made."""

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench import cpu
from bench.katas import HARVESTED, UNHARVESTED
from bench.load import Press, percentile

# Loads that are not closed loops of one of bench.katas.WORKLOADS.
HARVEST, CLASS = "harvest", "class"
OK = "ok"  # the outcome of a run that was carried out, and whose answer is right


@dataclass
class Cell:
    """One way, one workload, so many at a time: all that was found in all rounds."""

    way: str
    workload: str
    at_once: int
    took_ms: list[float] = field(default_factory=list)  # of those that ended well
    errors: dict[str, int] = field(default_factory=dict)  # of the others: what, how often
    elapsed_s: float = 0.0
    busy_s: float = 0.0  # of the machine's processors
    idle_s: float = 0.0  # what they would have used in that time had nothing been asked
    own_s: float = 0.0  # of that the load generator's
    hits: int | None = None
    misses: int | None = None

    def add(
        self,
        presses: Iterable[Press],
        used: cpu.Reading,
        elapsed_s: float,
        takes: tuple[int, int] | None,
        idle_share: float = 0.0,
    ) -> None:
        """Another round. Processors may have been busy longer than it took, with removals.

        `idle_share` is what the idle machine uses of one processor.
        """
        errors = Counter(self.errors)
        for press in presses:
            if press.outcome == OK:
                self.took_ms.append(round(press.took_s * 1000, 3))
            else:
                errors[press.outcome] += 1
        self.errors = dict(errors)
        self.elapsed_s += elapsed_s
        self.busy_s += used.busy_s
        self.idle_s += idle_share * used.at_s
        self.own_s += used.own_s
        if takes is not None:
            self.hits = (self.hits or 0) + takes[0]
            self.misses = (self.misses or 0) + takes[1]

    @property
    def runs(self) -> int:
        """How many runs ended well."""
        return len(self.took_ms)

    @property
    def per_second(self) -> float:
        """Runs a second that ended well, with their work in the background."""
        return self.runs / self.elapsed_s

    def percentile_ms(self, percent: float) -> float:
        """A percentile of the runs that ended well."""
        return percentile(self.took_ms, percent)

    @property
    def cpu_ms(self) -> float:
        """The CPU of the whole machine for each run, without that of the idle machine."""
        return max(0.0, self.busy_s - self.idle_s) / self.runs * 1000


@dataclass
class Result:
    """One run of the benchmark."""

    command: str
    commit: str
    machine: str
    idle_share: float = 0.0  # of one processor, as it was seen last
    cells: list[Cell] = field(default_factory=list)

    def cell(self, way: str, workload: str, at_once: int) -> Cell:
        """A cell of the results, which is made when it is first asked for."""
        for cell in self.cells:
            if (cell.way, cell.workload, cell.at_once) == (way, workload, at_once):
                return cell
        self.cells.append(Cell(way, workload, at_once))
        return self.cells[-1]

    def save(self, path: Path) -> None:
        """Write the results as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def load(path: Path) -> Result:
    """The result that `save` wrote."""
    said = json.loads(path.read_text())
    return Result(**{**said, "cells": [Cell(**cell) for cell in said["cells"]]})


class Found:
    """The cells of one run of the benchmark, or of several that measured different things."""

    def __init__(self, results: Iterable[Result]) -> None:
        self.results = list(results)
        self._cells = {
            (cell.way, cell.workload, cell.at_once): cell
            for result in self.results
            for cell in result.cells
        }
        self.ways = list(dict.fromkeys(way for way, _, _ in self._cells))

    @property
    def cells(self) -> list[Cell]:
        """All cells."""
        return list(self._cells.values())

    @property
    def workloads(self) -> list[str]:
        """The workloads of the matrix, in the order in which they were measured."""
        others = (CLASS, HARVESTED.name, UNHARVESTED.name)
        return list(dict.fromkeys(name for _, name, _ in self._cells if name not in others))

    @property
    def at_once(self) -> list[int]:
        """How many runs went on at a time, by the columns of the matrix."""
        return sorted({at_once for _, name, at_once in self._cells if name in self.workloads})

    def get(self, way: str, workload: str, at_once: int) -> Cell | None:
        """A cell; None when it was not measured, or no run ended well."""
        cell = self._cells.get((way, workload, at_once))
        return cell if cell and cell.runs else None

    def of_class(self, way: str) -> Cell | None:
        """The class of learners."""
        return next((c for c in self.cells if (c.way, c.workload) == (way, CLASS)), None)

    def ratio(
        self, of: Callable[[Cell], float], way: str, to: str, workload: str, at_once: int
    ) -> float | None:
        """The ratio of two figures; None when one of them is missing."""
        one, other = self.get(way, workload, at_once), self.get(to, workload, at_once)
        return of(one) / of(other) if one and other and of(other) else None

    def harvest_ms(self, way: str) -> float | None:
        """The cost of harvesting 100 files more, at the median."""
        with_, without = self.get(way, HARVESTED.name, 1), self.get(way, UNHARVESTED.name, 1)
        return p50(with_) - p50(without) if with_ and without else None


def p50(cell: Cell) -> float:
    """The median, in milliseconds."""
    return cell.percentile_ms(50)


def per_second(cell: Cell) -> float:
    """The runs a second."""
    return cell.per_second
