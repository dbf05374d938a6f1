"""Faults planted in a copy of a start point: `check` finds each, and shows what is wrong."""

import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from runner.authors import show
from runner.authors.options import read_replacements
from runner.authors.runs import check_colours
from runner.authors.start_point import read_start_point
from runner.client import RunnerClient
from tests.runner.authors.folders import (
    HIKER,
    SCRIPT,
    TEST,
    pytest_start_point,
    write_start_point,
)
from tests.serving import Served


@dataclass(frozen=True)
class Fault:
    """Files and fields that are planted, and words that `check` must print."""

    files: dict[str, str]
    words: tuple[str, ...]
    manifest: dict[str, Any] = field(default_factory=dict)


def options(colour: str, filename: str, old: str, new: str) -> dict[str, str]:
    """An options.json for one colour."""
    said = {colour: {"filename": filename, "from": old, "to": new}}
    return {"options.json": json.dumps(said)}


async def checked(url: str, folder: Path) -> str:
    """What `check` prints of a start point, of which at least one colour must be wrong."""
    start_point = read_start_point(folder)
    printed = io.StringIO()
    verdicts = []
    async with RunnerClient(url, patience_s=10) as client:
        async for one in check_colours(client, start_point, read_replacements(start_point)):
            show.checked(Console(file=printed, width=200), one)
            verdicts.append(one.is_right)
    assert not all(verdicts)
    return printed.getvalue()


FAULTS = {
    "the test expects what is there": Fault(
        {"cyber-dojo.sh": SCRIPT.replace("42", "54")},
        ("WRONG red    -> green", "ok    amber", "WRONG green  -> red"),
    ),
    "it cannot be compiled as it is": Fault(
        {"hiker.txt": "6 * 9 apples\n"},
        ("WRONG red    -> amber", "no sum: 6 * 9 apples", "WRONG green  -> amber"),
    ),
    "the script runs nothing": Fault(
        {"cyber-dojo.sh": "true\n"},
        ("WRONG red    -> green", "WRONG amber  -> green", "it printed nothing"),
    ),
    "the script is misspelt": Fault(
        {"cyber-dojo.sh": SCRIPT.replace("read", "reat")},
        ("WRONG green  -> red", "reat: command not found"),
    ),
    "the script needs a file that is not sent": Fault(
        {"cyber-dojo.sh": SCRIPT.replace("hiker.txt", "other.txt"), "other.txt": "6 * 9"},
        ("WRONG green  -> red", "other.txt: No such file or directory"),
    ),
    "the script ends always alike": Fault(
        {"cyber-dojo.sh": "echo done; exit 3\n"},
        ("WRONG red    -> amber", "ok    amber", "WRONG green  -> amber"),
    ),
    "it never ends": Fault(
        {"cyber-dojo.sh": "echo begun; exec sleep 60\n"},
        ("WRONG red    -> timed_out", "begun", "reason: stopped after 1 s"),
        {"max_seconds": 1},
    ),
    "there is nothing to replace": Fault(
        {"hiker.txt": "9 * 6\n"},
        (
            "ok    red",
            "WRONG amber  -> not run",
            "no file contains '6 * 9': say in options.json what makes it green",
        ),
    ),
    "options.json names a file that is not sent": Fault(
        options("green", "gone.txt", "6 * 9", "6 * 7"),
        ("WRONG green  -> not run", "gone.txt is not among the visible files"),
    ),
    "options.json replaces a text that is nowhere": Fault(
        options("amber", "hiker.txt", "7 * 7", "7 * 7sd"),
        ("WRONG amber  -> not run", "hiker.txt does not contain '7 * 7'", "ok    green"),
    ),
    "options.json's green is not the answer": Fault(
        options("green", "hiker.txt", "6 * 9", "6 * 8"),
        ("ok    red", "ok    amber", "WRONG green  -> red"),
    ),
    "options.json makes amber what is red": Fault(
        options("amber", "hiker.txt", "6 * 9", "6 * 10"),
        ("ok    red", "WRONG amber  -> red", "ok    green"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_a_planted_fault_is_found(fake_http: Served, tmp_path: Path, name: str) -> None:
    """A colour is wrong, and the output, or a line, says why."""
    fault = FAULTS[name]
    write_start_point(tmp_path, fault.files, image_name=fake_http.image, **fault.manifest)

    printed = await checked(fake_http.url, tmp_path)

    for words in fault.words:
        assert words in printed


REAL_FAULTS = {
    "green as it is": Fault({"hiker.py": HIKER.replace("6 * 9", "42 # 6 * 9")}, ("1 passed",)),
    "amber as it is": Fault({"hiker.py": "def answer(:\n    return 6 * 9\n"}, ("SyntaxError",)),
    "the test expects another number": Fault(
        {"test_hiker.py": TEST.replace("42", "41")}, ("assert 42 == 41",)
    ),
    "there is no test": Fault({"test_hiker.py": "x = 1\n"}, ("no tests ran",)),
    "the script runs another file": Fault(
        {"cyber-dojo.sh": "python3 -m pytest gone.py\n"}, ("file or directory not found: gone.py",)
    ),
    "the lambda is always red": Fault(
        {"rag.rb": "lambda { |_o, _e, _s| :red }"},
        ("WRONG amber  -> red", "WRONG green  -> red"),
        {"rag_lambda": "rag.rb"},
    ),
    "the lambda tells another colour": Fault(
        {},
        ("WRONG red    -> faulty", "    context: illegal colour"),
        {"rag_lambda": "lambda { |_o, _e, _s| :blue }"},
    ),
    "the lambda raises": Fault(
        {}, ("WRONG red    -> faulty", "nothing"), {"rag_lambda": "lambda { |o, e, s| nothing }"}
    ),
}


@pytest.mark.docker
@pytest.mark.long
@pytest.mark.parametrize("name", REAL_FAULTS)
async def test_a_fault_in_a_real_start_point(
    docker_http: Served, tmp_path: Path, name: str
) -> None:
    """The programs of a real image say in their own words what is wrong with a start point."""
    fault = REAL_FAULTS[name]
    pytest_start_point(tmp_path, fault.files, **fault.manifest)

    printed = await checked(docker_http.url, tmp_path)

    for words in fault.words:
        assert words in printed


@pytest.mark.docker
async def test_a_lambda_that_is_no_ruby(docker_http: Served, tmp_path: Path) -> None:
    """Ruby's own words are shown, as only they tell an author where the mistake is."""
    pytest_start_point(tmp_path, {"rag.rb": "lambda {"}, rag_lambda="rag.rb")

    printed = await checked(docker_http.url, tmp_path)

    assert "WRONG red    -> faulty" in printed
    assert "syntax error" in printed
