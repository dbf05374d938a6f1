"""Every language: colours, kind of container, and times beside the limit's and docker run's.

A language is an image of the project that has a start point. What is found here is kept in
docs/languages.json, and docs/languages.md is made of it.
"""

import contextlib
import json
import os
import statistics
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import aiodocker
import aiohttp
from rich.console import Console

from bench.docker_run import DOCKER_HOST
from bench.katas import Workload, WrongAnswerError
from bench.load import ANSWERS_WITHIN_S, client, closed
from bench.matrix import ONE_RUN_S, commit, machine
from bench.results import OK
from bench.ways import CELLS, DOCKER_RUN, LIMIT, TITLES, WARM, Daemon, Way, opened
from pool.docker_steps import held_bytes
from pool.orphans import REPLICA_LABEL
from runner.authors.options import COLOURS, in_colour, read_replacements
from runner.authors.start_point import StartPoint, read_json, read_start_point
from runner.client import RunnerClient
from runner.kata import Kata
from scripts.daemon import ROOT

DOCUMENT = ROOT / "docs" / "languages.md"
# Kept beside the page, so that in every clone some can be measured anew and the others stay.
FOUND = ROOT / "docs" / "languages.json"
BEGIN, END = "<!-- languages: begin -->", "<!-- languages: end -->"
WAYS = (LIMIT, WARM, CELLS, DOCKER_RUN)
# An image that warms up, and the one that does not; both have the same start point.
WARM_SUFFIX = "-warm"
NONE = "-"

console = Console(highlight=False)


@dataclass
class Language:
    """The findings about one language. `took_ms` is by way, and lacks a way that cannot be had."""

    name: str
    title: str
    commit: str
    machine: str
    colours: dict[str, dict[str, str]] = field(default_factory=dict)  # by way, then by colour
    modes: dict[str, str] = field(default_factory=dict)  # by way
    why: str = ""
    took_ms: dict[str, list[float]] = field(default_factory=dict)
    warm_memory_mib: float | None = None
    load: float | None = None  # of the machine, the latest minute's

    @property
    def is_right(self) -> bool:
        """Whether each colour came out, in each kind of container."""
        return all(
            found == {colour: colour for colour in COLOURS} for found in self.colours.values()
        )

    def p50_ms(self, way: str) -> float | None:
        """The median of a way; None if it could not be measured."""
        took_ms = self.took_ms.get(way)
        return statistics.median(took_ms) if took_ms else None


def start_points() -> dict[str, Path]:
    """The folders of all start points, by the images' names."""
    found = sorted((ROOT / "images").rglob("start_point/manifest.json"))
    return {path.parents[1].name: path.parent for path in found}


async def main(only: Collection[str], ways: Sequence[str], rounds: int, to: Path | None) -> int:
    """Measure these languages, or all; keep what is found in the file, if there is one.

    1 if a colour is wrong, or there is no such language.
    """
    all_of_them = start_points()
    if unknown := sorted(set(only) - all_of_them.keys()):
        console.print(f"error: there is no {', '.join(unknown)}")
        return 1
    chosen = {name: folder for name, folder in all_of_them.items() if name in only or not only}
    known = {one.name: one for one in load(to)} if to else {}
    wrong = []
    async with client() as http:
        for name, folder in chosen.items():
            known[name] = found = await _measure(name, folder, ways, rounds, http)
            console.print(_line(found))
            if not found.is_right:
                wrong.append(name)
            if to:
                _save(known.values(), to)
    if wrong:
        console.print(f"error: wrong colours: {', '.join(wrong)}")
    return 1 if wrong else 0


def load(path: Path) -> list[Language]:
    """The results that `main` has kept, of languages that still exist.

    None if it has not run yet.
    """
    said = json.loads(path.read_text()) if path.is_file() else []
    found = [Language(**one) for one in said]
    return sorted((one for one in found if one.name in start_points()), key=lambda one: one.title)


def _save(found: Iterable[Language], path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n")


async def _measure(
    name: str, folder: Path, names: Sequence[str], rounds: int, http: aiohttp.ClientSession
) -> Language:
    start_point = read_start_point(folder)
    title = read_json(folder / "manifest.json")["display_name"]
    found = Language(name, title, commit(), await machine(with_engine=True))
    green = in_colour("green", start_point, read_replacements(start_point))
    workload = Workload(name, _kata(green), prints=lambda _stdout: True)
    of_way = dict.fromkeys(names, workload) | {LIMIT: _of_limit(workload)}
    async with opened(names, http, most_at_once=1) as ways:
        for way in ways.values():
            if isinstance(way, Daemon):
                await _look(way, start_point, found)
        usable = [way for way in ways.values() if await _is_usable(way, of_way[way.name])]
        for number in range(rounds):
            first = number % max(1, len(usable))
            for way in usable[first:] + usable[:first]:
                await _run_once(way, of_way[way.name], found)
        if isinstance(warm := ways.get(WARM), Daemon):
            await warm.settle(workload, 1)
            found.warm_memory_mib = await _warm_memory_mib(warm, start_point.image_name)
    found.load = round(os.getloadavg()[0], 1)
    return found


def _of_limit(workload: Workload) -> Workload:
    """The image of the chroot. For an image that warms up, that is its twin without a warm-up.

    So both are measured in the same rounds, and the limit has no warm-up, nor traces of one.
    """
    plain = start_points().get(workload.name.removesuffix(WARM_SUFFIX))
    if plain is None:
        return workload
    return replace(
        workload, kata=replace(workload.kata, image_name=read_start_point(plain).image_name)
    )


async def _run_once(way: Way, workload: Workload, found: Language) -> None:
    """Keep the milliseconds of a run.

    One that is not answered well, as on a busy machine, is left out.
    """
    await way.settle(workload, 1)
    with contextlib.suppress(WrongAnswerError):
        presses = await closed(way.run_of(workload), 1, ONE_RUN_S)
        took_ms = [press.took_s * 1000 for press in presses if press.outcome == OK]
        found.took_ms.setdefault(way.name, []).extend(took_ms)


def _kata(start_point: StartPoint) -> Kata:
    return Kata(
        "bench",
        start_point.image_name,
        start_point.max_seconds,
        dict(start_point.files),
        start_point.rag_lambda,
    )


async def _look(way: Daemon, start_point: StartPoint, found: Language) -> None:
    """The colours over HTTP, and the kind of container that the image has got."""
    replacements = read_replacements(start_point)
    outcomes = {}
    async with RunnerClient(way.url, patience_s=ANSWERS_WITHIN_S) as daemon:
        for colour in COLOURS:
            coloured = in_colour(colour, start_point, replacements)
            result = await daemon.run(
                coloured.files,
                coloured.image_name,
                max_seconds=coloured.max_seconds,
                rag_lambda=coloured.rag_lambda,
            )
            outcomes[colour] = result.outcome
        of_image = (await daemon.health())["images"][start_point.image_name]
    found.colours[way.name] = outcomes
    found.modes[way.name] = of_image["mode"]
    found.why = of_image["why"] or found.why


async def _is_usable(way: Way, workload: Workload) -> bool:
    """Whether the language runs in this way at all.

    The first run, which is not measured, shows it.
    """
    try:
        await way.prepare(workload, 1)
        return (await way.run_of(workload)())() == OK
    except (WrongAnswerError, OSError):
        return False


async def _warm_memory_mib(daemon: Daemon, image: str) -> float | None:
    """The memory of a container that waits, with all that its warm-up has left."""
    async with aiodocker.Docker(url=DOCKER_HOST) as docker, RunnerClient(daemon.url) as asked:
        replica = (await asked.health())["replica"]
        label = f"{REPLICA_LABEL}={replica}"
        containers = await docker.containers.list(filters={"ancestor": [image], "label": [label]})
        for container in containers:
            for stats in await container.stats(stream=False):
                return held_bytes(stats["memory_stats"]) / 1024**2
    return None


def _line(found: Language) -> str:
    times = (f"{TITLES[way]} {_number(found.p50_ms(way))}" for way in WAYS)
    colours = "right" if found.is_right else str(found.colours)
    return f"{found.name}: colours {colours}; {', '.join(times)}"


def write(found: Sequence[Language], document: Path = DOCUMENT) -> None:
    """Write the tables of the document anew."""
    before, begin, rest = document.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"there are no {BEGIN} and {END}")
    missing = sorted(start_points().keys() - {one.name for one in found})
    document.write_text(f"{before}{BEGIN}\n\n{section(found, missing)}\n{END}{after}")


def section(found: Sequence[Language], missing: Sequence[str] = ()) -> str:
    """Markdown: all languages, and those that warm up beside those that do not.

    `missing` are the names of those that have not been measured.
    """
    parts = [*_provenance(found), "", *_table(_LANGUAGES, map(_row, found))]
    if missing:
        parts += ["", f"Not measured yet: {', '.join(f'`{name}`' for name in missing)}."]
    if pairs := list(_pairs(found)):
        parts += ["", "## With a warm-up, and without", ""]
        parts += _table(_WARM_UPS, (row for pair in pairs for row in _rows_of_pair(*pair)))
    return "\n".join(parts) + "\n"


_LANGUAGES = ("language", "image", "red, amber, green", "kind", "why",
              "warm, single use, p50 ms", "warm, cells", "chroot (the limit)", "docker run",
              "a warm one's memory, MiB")  # fmt: skip
_LOAD = "The machine's load, which makes all times longer, was between"
_WARM_UPS = ("kata", "way", "p50 ms", "times the limit")


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [headings, ["---"] * len(headings), *rows]
    return [f"| {' | '.join(line)} |" for line in lines]


def _row(one: Language) -> Sequence[str]:
    return (
        one.title,
        f"`{one.name}`",
        "all, in both kinds" if one.is_right else f"WRONG: {one.colours}",
        ", ".join(dict.fromkeys(one.modes[way] for way in (WARM, CELLS) if way in one.modes)),
        one.why or "nothing of it needs more",
        *(_number(one.p50_ms(way)) for way in (WARM, CELLS, LIMIT, DOCKER_RUN)),
        _number(one.warm_memory_mib),
    )


def _pairs(found: Sequence[Language]) -> Iterable[tuple[Language, Language]]:
    by_name: Mapping[str, Language] = {one.name: one for one in found}
    for name, one in by_name.items():
        if (plain := by_name.get(name.removesuffix(WARM_SUFFIX))) and plain is not one:
            yield plain, one


def _rows_of_pair(plain: Language, warm: Language) -> Iterable[Sequence[str]]:
    for one in (plain, warm):
        limit = one.p50_ms(LIMIT)
        for way in WAYS:
            p50_ms = one.p50_ms(way)
            if p50_ms is not None and limit:
                yield one.title, TITLES[way], _number(p50_ms), f"{p50_ms / limit:.2f}"


def _provenance(found: Sequence[Language]) -> list[str]:
    commits: dict[str, list[str]] = {}  # by machine
    for one in found:
        if one.commit not in commits.setdefault(one.machine, []):
            commits[one.machine].append(one.commit)
    lines = [f"Found at {', '.join(known)}; {machine}.\n" for machine, known in commits.items()]
    if loads := [one.load for one in found if one.load is not None]:
        lines.append(
            f"{_LOAD} {min(loads)} and {max(loads)}; the ways of a row have their turns.\n"
        )
    return lines


def _number(value: Any) -> str:
    """The number with three digits, because more of them have no meaning."""
    if value is None:
        return NONE
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}"
