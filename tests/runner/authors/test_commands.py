"""`dojo-runner run`, `check` and `manifest check`, as an author types them."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.conftest import ServeFake
from tests.runner.authors.folders import pytest_start_point, write, write_start_point
from tests.runner.typed import WITHIN_S, dojo_runner, started
from tests.serving import Served


async def test_run_shows_what_a_learner_gets(fake_http: Served, tmp_path: Path) -> None:
    """Both streams, created files, colour, status and time are shown, without any escape code."""
    script = "echo to out; echo to err >&2; echo made > made.txt; exit 1"
    write_start_point(tmp_path, {"cyber-dojo.sh": script}, image_name=fake_http.image)

    said = await dojo_runner("run", tmp_path, "--url", fake_http.url)

    assert said.status == 0, said.stderr
    for words in ("stdout\nto out", "stderr\nto err", "created made.txt\nmade"):
        assert words in said.stdout
    assert re.search(r"^red  status 1, [0-9]+ ms \(.*run [0-9]+.*\)$", said.stdout, re.MULTILINE)
    assert "\x1b" not in said.stdout


async def test_run_for_programs(fake_http: Served, tmp_path: Path) -> None:
    """--json prints a line for each run, with the keys of the API and the milliseconds."""
    write_start_point(tmp_path, image_name=fake_http.image)

    said = await dojo_runner("run", tmp_path, "--url", fake_http.url, "--json", "--repeat", "2")

    lines = [json.loads(line) for line in said.stdout.splitlines()]
    assert [line["outcome"] for line in lines] == ["red", "red"]
    assert all(line["took_ms"] >= line["timings"]["total"] - 1 for line in lines)


async def test_a_hostile_output_is_text(fake_http: Served, tmp_path: Path) -> None:
    """Markup in an output is shown as it is; characters that a terminal obeys, as pictures."""
    script = r"printf '[red]x[/] [/nope]\n\033]0;title\a\n\302\233m\r\n\177\n'"
    write_start_point(tmp_path, {"cyber-dojo.sh": script}, image_name=fake_http.image)

    said = await dojo_runner("run", tmp_path, "--url", fake_http.url)

    assert "[red]x[/] [/nope]\n␛]0;title␇\n\ufffdm\n␡\n" in said.stdout


async def test_watch_runs_again_at_each_save(fake_http: Served, tmp_path: Path) -> None:
    """A file that is saved is run at once; one that cannot be read meanwhile ends nothing."""
    write_start_point(tmp_path, image_name=fake_http.image)
    words = ("run", tmp_path, "--url", fake_http.url, "--json", "--watch")
    async with started(*words) as process:
        assert process.stdout is not None
        outcomes = []
        for change in ("", "6 * 9sd\n", "6 * 7\n"):
            if change:
                (tmp_path / "hiker.txt").unlink()
                write(tmp_path, {"hiker.txt": change})
            line = await asyncio.wait_for(process.stdout.readline(), WITHIN_S)
            outcomes.append(json.loads(line)["outcome"])

    assert outcomes == ["red", "amber", "green"]


async def test_check_says_that_all_is_right(fake_http: Served, tmp_path: Path) -> None:
    """A line for each colour, with its time; the status is 0."""
    write_start_point(tmp_path, image_name=fake_http.image)

    said = await dojo_runner("check", tmp_path, "--url", fake_http.url)

    assert said.status == 0, said.stderr
    lines = [re.sub("[0-9]+ ms", "N ms", line) for line in said.stdout.splitlines()]
    assert lines == [
        "ok    red    -> red  N ms",
        "ok    amber  -> amber  N ms",
        "ok    green  -> green  N ms",
    ]


async def test_check_for_programs(fake_http: Served, tmp_path: Path) -> None:
    """--json tells colour, result and duration of each; the status is 42 if one is wrong."""
    write_start_point(tmp_path, {"hiker.txt": "6 * 7 # 6 * 9\n"}, image_name=fake_http.image)

    said = await dojo_runner("check", tmp_path, "--url", fake_http.url, "--json")

    rows = json.loads(said.stdout)
    assert said.status == 42
    assert [(row["colour"], row["is_right"]) for row in rows] == [
        ("red", False),
        ("amber", True),
        ("green", False),
    ]
    assert all({"result", "duration_ms"} <= set(row) for row in rows)


async def test_what_a_terminal_cannot_be_used_for(tmp_path: Path) -> None:
    """Each mistake of an author is one line on stderr and status 1, never a traceback."""
    nobody = "http://127.0.0.1:1"
    mistakes: list[tuple[tuple[str | Path, ...], str]] = [
        (("run", tmp_path / "gone"), "there is no such file or folder"),
        (("run", tmp_path), "--image"),
        (("run", write_start_point(tmp_path / "a"), "--url", nobody), f"no answer from {nobody}"),
        (("check", tmp_path / "a", "--both", "--url", nobody), "leave out --url"),
        (("manifest", "check", tmp_path / "gone.json"), "gone.json"),
    ]
    for words, expected in mistakes:
        said = await dojo_runner(*words)

        assert (said.status, said.stdout) == (1, ""), said
        assert said.stderr.count("\n") == 1
        assert expected in said.stderr


async def test_a_missing_image(serve_fake: ServeFake, tmp_path: Path) -> None:
    """An image that cannot be pulled is told by its name."""
    async with serve_fake() as served:
        write_start_point(tmp_path, image_name="elsewhere:1")
        said = await dojo_runner("run", tmp_path, "--url", served.url)

    assert said.status == 1
    assert "elsewhere:1 is not on this node, and could not be pulled" in said.stderr


@pytest.mark.docker
async def test_a_daemon_of_its_own(tmp_path: Path) -> None:
    """Without --url the command needs an engine only, and leaves no container behind."""
    said = await dojo_runner("check", pytest_start_point(tmp_path), "--both", "--json")

    assert said.status == 0, said
    assert [(row["reuse"], row["colour"], row["is_right"]) for row in json.loads(said.stdout)] == [
        (kind, colour, True) for kind in ("never", "cells") for colour in ("red", "amber", "green")
    ]


@pytest.mark.docker
async def test_regular_expressions_are_ruby_s(tmp_path: Path) -> None:
    """A pattern that Ruby cannot read is a fault; one that only Ruby can read is none."""
    progress = [r"(?<name>\h+)\z", "(x"]
    write_start_point(tmp_path, progress_regexs=progress, hidden_filenames=["[a"])
    path = tmp_path / "manifest.json"

    said = await dojo_runner("manifest", "check", path, "--json")

    faults = json.loads(said.stdout)["faults"]
    assert said.status == 42
    assert sorted(fault.partition(":")[0] for fault in faults) == [
        "hidden_filenames.0",
        "progress_regexs.1",
    ]


async def test_without_an_engine_the_rest_is_checked(tmp_path: Path) -> None:
    """Without Ruby at hand all other rules of a manifest are checked, and a note
    says what was not.
    """
    path = write_start_point(tmp_path, progress_regexs=["(x", "y"], tab_size=0) / "manifest.json"
    said = await dojo_runner("manifest", "check", path, DOCKER_HOST=f"unix://{tmp_path}/no.sock")

    assert said.stdout == "tab_size: must be a whole number from 1 to 8\n"
    assert "regular expressions are not checked" in said.stderr
