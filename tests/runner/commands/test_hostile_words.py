"""Words of others on a terminal: no command prints a character that the terminal would obey.

What answers at a URL, an engine, a registry, a start point and an image may all be a stranger's.
"""

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rich.console import Console

from pool import LayerProgress
from runner.authors import show
from runner.authors.runs import Checked, Ran
from runner.client import Result, Text
from runner.commands import pull
from runner.commands.status import view
from runner.doctor.findings import problem
from runner.doctor.show import show as show_finding
from runner.http import probe
from runner.visible import visible, visible_line
from tests.listening import listening
from tests.runner.authors.folders import write_start_point
from tests.runner.typed import dojo_runner

HOSTILE = "\x1b]0;title\x07\x1b[2J\x9b1m\x7f\rok  all is well\nok  all is well"
TEXT = Text(HOSTILE, truncated=False)
RESULT = Result(
    stdout=TEXT,
    stderr=TEXT,
    status=HOSTILE,
    outcome=HOSTILE,
    log={HOSTILE: {HOSTILE: HOSTILE}},
    created={HOSTILE: TEXT},
    changed={HOSTILE: TEXT},
    timings={HOSTILE: 1.0},
)
HEALTH = {
    "status": HOSTILE,
    "replica": HOSTILE,
    "running": HOSTILE,
    "uptime_s": HOSTILE,
    "reuse": {"kind": HOSTILE},
    "pulling": [HOSTILE],
    "images": {HOSTILE: {"warm": HOSTILE, "mode": HOSTILE, "last_error": HOSTILE}},
}


def obeyed(printed: str) -> set[str]:
    """The characters in a command's output that a terminal would obey, but for ends of lines."""
    return {one for one in printed if one != "\n" and not one.isprintable()}


PRINTERS: dict[str, Callable[[Console], None]] = {
    "run": lambda to: show.ran(to, Ran(RESULT, 1.0), (HOSTILE,)),
    "check": lambda to: show.checked(to, Checked("red", HOSTILE, 1.0, result=RESULT)),
    "check, not run": lambda to: show.checked(to, Checked("red", HOSTILE, 1.0, HOSTILE)),
    "doctor": lambda to: show_finding(to, problem(HOSTILE, HOSTILE, HOSTILE)),
    "status": lambda to: to.print(view(HEALTH)),
}


@pytest.mark.parametrize("name", PRINTERS)
def test_no_command_prints_what_a_terminal_obeys(name: str) -> None:
    """Commands print pictures of characters that a terminal would obey."""
    printed = io.StringIO()

    PRINTERS[name](Console(file=printed, width=1000))

    assert obeyed(printed.getvalue()) == set()
    assert "␛[2J" in printed.getvalue()


@pytest.mark.parametrize("name", ["check, not run", "doctor", "status"])
def test_no_word_is_a_line_of_its_own(name: str) -> None:
    """Where a command prints a line for each thing, nobody's words look like one of its lines."""
    printed = io.StringIO()

    PRINTERS[name](Console(file=printed, width=1000))

    assert not [line for line in printed.getvalue().splitlines() if line.startswith("ok ")]


async def test_a_hostile_replica_says_that_it_is_ready(
    environ: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The health check prints the name of whatever answers, ready or not."""
    for status in ("ok", "draining"):
        async with answering({"status": status, "replica": HOSTILE}) as address:
            environ["CYBER_DOJO_RUNNER_PORT"] = address.rpartition(":")[2]
            await asyncio.to_thread(probe.main)

        printed = "".join(capsys.readouterr())
        assert "␛[2J" in printed
        assert obeyed(printed) == set()
        assert printed.count("\n") == 1


@pytest.mark.parametrize("is_terminal", [False, True])
async def test_a_hostile_registry(
    is_terminal: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of layers and what is told of them are a registry's."""

    async def layers() -> AsyncIterator[LayerProgress]:
        yield LayerProgress(HOSTILE, HOSTILE, 1, 2)

    printed = Console(file=io.StringIO(), force_terminal=is_terminal, color_system=None, width=900)
    monkeypatch.setattr(pull, "errors", lambda: printed)
    await (pull._in_bars(layers()) if is_terminal else pull._in_lines(layers(), is_quiet=False))

    said = printed.file.getvalue()  # type: ignore[attr-defined]
    assert "␛[2J" in said
    assert not {"\x07", "\x9b", "\x7f"} & set(said)
    assert "\x1b]0" not in said


async def test_a_hostile_setting() -> None:
    """`config` prints no character of a setting that a terminal would obey."""
    said = await dojo_runner("config", CYBER_DOJO_RUNNER_REPLICA=HOSTILE)

    assert "␛[2J" in said.stdout
    assert obeyed(said.stdout) == set()


@pytest.mark.parametrize("image", ["[/nope]", HOSTILE])
async def test_a_hostile_manifest(tmp_path: Path, image: str) -> None:
    """A hostile image name in a manifest is neither markup nor obeyed, and one line
    says that it is none.
    """
    write_start_point(tmp_path, image_name=image)

    async with answering({}) as address:
        said = await dojo_runner("run", tmp_path, "--url", f"http://{address}")

    assert (said.status, said.stderr.count("\n")) == (1, 1)
    assert "please report it" not in said.stderr
    assert obeyed(said.stdout + said.stderr) == set()


def test_what_is_shown() -> None:
    """Tabs and ends of lines stay, as a program's output has them; a line has neither."""
    assert visible("a\tb\r\nc\x1bd") == "a\tb\nc␛d"
    assert visible_line("a\tb\r\nc\x1bd") == "a b c␛d"


@asynccontextmanager
async def answering(answer: dict[str, Any]) -> AsyncIterator[str]:
    """Host and port of a server that answers this to every question."""

    async def say(_request: web.Request) -> web.Response:
        return web.json_response(answer)

    app = web.Application()
    app.router.add_route("*", "/{path}", say)
    async with listening(app, shutdown_s=0) as address:
        yield address
