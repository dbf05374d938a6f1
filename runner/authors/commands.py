"""`dojo-runner run` and `dojo-runner check`: what the command line calls."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from runner.authors import show
from runner.authors.files import StartPointError, trouble_with
from runner.authors.local import own_daemon, unreadable_patterns
from runner.authors.manifest import faults_of, patterns_of
from runner.authors.options import read_replacements
from runner.authors.runs import PATIENCE_S, Checked, Ran, check_colours, run_once
from runner.authors.start_point import (
    StartPoint,
    manifest_of,
    read_json,
    read_start_point,
)
from runner.cli.images import have_image
from runner.cli.output import FAILED
from runner.cli.terminal import WRONG, console, errors, print_json, told
from runner.client import ANY_BUDGET_S, RunnerClient
from runner.settings import Reuse
from runner.visible import visible_line

_LOOKED_AT_EVERY_S = 0.3

Url = Annotated[str | None, Parameter(help="a daemon to ask; by default the command is its own")]
Json = Annotated[bool, Parameter(name="--json", negative="", help="print JSON, for programs")]


def run_folder(
    folder: Path,
    *,
    image: Annotated[str | None, Parameter(help="instead of the manifest's image_name")] = None,
    max_seconds: Annotated[float | None, Parameter(help="instead of the manifest's")] = None,
    repeat: Annotated[int, Parameter(help="how many times", validator=Number(gte=1))] = 1,
    watch: Annotated[
        bool, Parameter(negative="", help="run again whenever a file is saved")
    ] = False,
    url: Url = None,
    as_json: Json = False,
) -> int:
    """Run a folder, or a manifest file, as a kata, and show what a learner would get.

    The exit status is 0 whatever the colour is, and 1 if there is none.
    """

    async def work() -> int:
        start_point = read_start_point(folder, image_name=image, max_seconds=max_seconds)
        async with _client(url) as client:
            await _have_image(client, start_point)
            status = 0
            for _ in range(repeat):
                status |= _show_run(await _run(client, start_point), start_point, as_json=as_json)
            while watch:
                with errors().status("save a file, and it runs again; Ctrl-C ends it"):
                    start_point = await _changed(folder, start_point, image, max_seconds)
                _show_run(await _run(client, start_point), start_point, as_json=as_json)
            return status

    return told(work())


def check(
    folder: Path,
    *,
    image: Annotated[str | None, Parameter(help="instead of the manifest's image_name")] = None,
    both: Annotated[bool, Parameter(negative="", help="in containers and in cells")] = False,
    url: Url = None,
    as_json: Json = False,
) -> int:
    """Check that a start point is red, and amber and green after what options.json replaces.

    The exit status is 0 if all three are right, 42 if one is wrong, and 1 if they cannot be run.
    """

    async def work() -> int:
        if both and url is not None:
            raise StartPointError("--both needs a daemon of the command's own: leave out --url")
        start_point = read_start_point(folder, image_name=image)
        found: list[tuple[str, Checked]] = []
        for kind in (Reuse.NEVER, Reuse.CELLS) if both else (None,):
            async with _client(url, kind) as client:
                await _have_image(client, start_point)
                if kind is Reuse.CELLS:
                    await _have_cells(client)
                replacements = read_replacements(start_point)
                async for one in check_colours(client, start_point, replacements):
                    found.append(("" if kind is None else kind.value, one))
                    if not as_json:
                        show.checked(console(), one)
        if as_json:
            rows = [{**one.as_json(), **({"reuse": kind} if kind else {})} for kind, one in found]
            print_json(rows)
        return 0 if all(one.is_right for _, one in found) else WRONG

    return told(work())


def check_manifest(file: Path, *, as_json: Json = False) -> int:
    """Check a start point's manifest, by its folder or its name: each fault is a line.

    The exit status is 0 if there is none, 42 if there are some, and 1 if it cannot be read.
    """

    async def work() -> int:
        path = manifest_of(file)
        manifest = read_json(path)
        faults = faults_of(manifest, partial(trouble_with, path.parent))
        patterns = patterns_of(manifest)
        unreadable = await unreadable_patterns(patterns) if patterns else {}
        if unreadable is None:
            errors().print("note: no Docker engine with Ruby: regular expressions are not checked")
        for where, words in (unreadable or {}).items():
            faults.append(f"{where}: is no regular expression of Ruby's: {words}")
        if as_json:
            print_json({"file": str(path), "faults": faults})
        else:
            lines = faults or [f"{path}: all is well"]
            sys.stdout.write("".join(f"{visible_line(line)}\n" for line in lines))
        return WRONG if faults else 0

    return told(work())


@asynccontextmanager
async def _client(url: str | None, reuse: Reuse | None = None) -> AsyncIterator[RunnerClient]:
    if url is not None:
        async with _patient(url) as client:
            yield client
        return
    async with own_daemon(reuse) as own, _patient(own) as client:
        yield client


def _patient(url: str) -> RunnerClient:
    return RunnerClient(url, patience_s=PATIENCE_S, answers_within_s=ANY_BUDGET_S)


async def _have_image(client: RunnerClient, start_point: StartPoint) -> None:
    with errors().status(Text(visible_line(f"looking for {start_point.image_name}"))):
        await have_image(client, start_point.image_name)


async def _have_cells(client: RunnerClient) -> None:
    reuse = (await client.health()).get("reuse", {})
    if reuse.get("kind") != "cells":
        raise StartPointError(f"there are no cells on this host: {reuse.get('why_no_cells')}")


async def _run(client: RunnerClient, start_point: StartPoint) -> Ran:
    with errors().status("running"):
        return await run_once(client, start_point)


def _show_run(one: Ran, start_point: StartPoint, *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps(one.as_json()) + "\n")
    else:
        show.ran(console(), one, start_point.notes)
    return 0 if one.result.outcome in ("red", "amber", "green", "timed_out") else FAILED


async def _changed(
    folder: Path, before: StartPoint, image: str | None, max_seconds: float | None
) -> StartPoint:
    """Wait until the folder reads otherwise; a file that is half saved is read again."""
    problem = ""
    while True:
        await asyncio.sleep(_LOOKED_AT_EVERY_S)
        try:
            now = read_start_point(folder, image_name=image, max_seconds=max_seconds)
        except StartPointError as error:
            if str(error) != problem:
                problem = str(error)
                errors().print(visible_line(problem), style="red", markup=False)
            continue
        if now != before:
            return now
