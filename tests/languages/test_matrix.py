"""Every language, in three colours and in both kinds of container, over HTTP."""

from dataclasses import replace

import pytest

from runner.authors.options import COLOURS, in_colour, read_replacements
from runner.authors.start_point import SCRIPT, StartPoint, read_start_point
from runner.client import Result, RunnerClient, Text
from tests.daemon_process import Daemon
from tests.languages.folders import START_POINTS

pytestmark = [pytest.mark.docker, pytest.mark.languages]

# The one image that is there to show a root that can be written to.
WRITABLE_ROOT = {"gcc-ccache"}
TOOLED_HOME = {"tooled-home"}
PATIENCE_S = 60.0  # the first run of an image waits for its survey and its container

each_language = pytest.mark.parametrize("name", START_POINTS)


async def run(daemon: Daemon, start_point: StartPoint) -> Result:
    """The answer that a learner gets."""
    async with RunnerClient(daemon.url, patience_s=PATIENCE_S) as client:
        return await client.run(
            start_point.files,
            start_point.image_name,
            max_seconds=30,  # many of these tests may share two cores
            rag_lambda=start_point.rag_lambda,
            hidden_filenames=start_point.hidden_filenames,
            id="matrix",
        )


def with_script(start_point: StartPoint, script: str) -> StartPoint:
    """The same with another cyber-dojo.sh."""
    return replace(start_point, files={**start_point.files, SCRIPT: script})


@each_language
@pytest.mark.parametrize("colour", COLOURS)
async def test_each_start_point_has_its_colour_and_its_files(
    running: Daemon, name: str, colour: str
) -> None:
    """A run has the colour, and hands back just the file that it made and the one that it changed.

    Nothing that a compiler or a test framework leaves behind is among them.
    """
    start_point = read_start_point(START_POINTS[name])
    coloured = in_colour(colour, start_point, read_replacements(start_point))
    trap = "trap 'printf one >created.txt; printf more >>readme.txt' EXIT\n"

    result = await run(running, with_script(coloured, trap + coloured.files[SCRIPT]))

    assert result.outcome == colour, result
    assert result.created == {"created.txt": Text("one", truncated=False)}
    assert result.changed == {"readme.txt": Text(coloured.files["readme.txt"] + "more", False)}


@each_language
async def test_each_image_answers_a_time_out_with_what_its_trap_prints(
    running: Daemon, name: str
) -> None:
    """A run that times out returns what it printed before, and what its trap prints at TERM."""
    start_point = read_start_point(START_POINTS[name])
    endless = "trap 'echo trapped' EXIT\necho begun\nwhile :; do :; done\n"

    async with RunnerClient(running.url, patience_s=PATIENCE_S) as client:
        result = await client.run(
            with_script(start_point, endless).files, start_point.image_name, max_seconds=1
        )

    assert result.outcome == "timed_out"
    assert result.stdout == Text("begun\ntrapped\n", truncated=False)


@each_language
async def test_each_image_has_the_kind_of_container_that_it_needs(
    kind: str, running: Daemon, name: str
) -> None:
    """Only the image that is made to show it has a writable root.

    All others have cells where the host allows them.
    """
    start_point = read_start_point(START_POINTS[name])
    await run(running, start_point)

    mode = (await running.health())["images"][start_point.image_name]["mode"]

    if name in WRITABLE_ROOT:
        assert mode == "writable root"
    elif kind == "cells":
        assert mode == "cells"
    else:
        assert mode == ("copied home" if name in TOOLED_HOME else "read-only")
