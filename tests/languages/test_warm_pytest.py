"""A pytest that forks from a process which has imported it: it does all that the real one does."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.daemon_process import Daemon

pytestmark = [pytest.mark.docker, pytest.mark.languages]

PLAIN = "dojo-runner/python-pytest:latest"
WARM = "dojo-runner/python-pytest-warm:latest"

COLOURS = ("green", "red", "amber")
RAG = (Path(__file__).parents[2] / "images/python-pytest/red_amber_green.rb").read_text()
GREEN = {
    "hiker.py": "def answer():\n    return 6 * 7\n",
    "test_hiker.py": "from hiker import answer\n\ndef test_answer():\n    assert answer() == 42\n",
}
RED = {**GREEN, "hiker.py": "def answer():\n    return 6 * 9\n"}
AMBER = {**GREEN, "hiker.py": "def answer(:\n"}
SPEAKS = {
    "test_it.py": """import os, resource, sys
def test_it():
    print(sys.argv[1:], os.path.basename(sys.argv[0]), sys.path[:2], sys.executable)
    print(os.getcwd(), os.environ.get("MINE"), sys.flags.optimize, sys.dont_write_bytecode)
    print(sorted(name for name in os.environ if name not in ("_", "SHLVL")))
    print(os.umask(0o22), resource.getrlimit(resource.RLIMIT_NOFILE), sys.stdin.read())
    print(sys.stdout.encoding, sys.stderr.errors, sys.modules["__main__"].__name__)
    print(sorted(os.listdir("/proc/self/fd"))[:3], file=sys.stderr)
"""
}


def _test(body: str) -> dict[str, str]:
    return {"test_it.py": f"import os, signal, sys, time\n{body}\n"}


SLEEPS = _test("def test_it():\n  open('begun', 'w').close()\n  time.sleep(20)")


def _once_begun(signal_name: str) -> str:
    waits = "until [[ -e begun ]]; do sleep 0.05; done; sleep 0.3"
    return (
        f"({waits}; kill -{signal_name} $(<pid)) & "
        "bash -c 'echo $$ >pid; exec pytest -q --tb=line'; echo $?; rm pid begun"
    )


# Each with its files and its script.
CASES: dict[str, tuple[dict[str, str], str]] = {
    "green": (GREEN, "python3 -m pytest"),
    "red": (RED, "python3 -m pytest"),
    "amber": (AMBER, "python3 -m pytest"),
    "by its own name": (GREEN, "pytest *.py"),
    "without bytecode": (GREEN, "python3 -B -m pytest -p no:cacheprovider"),
    "quiet, into a pipe": (RED, "pytest -q 2>&1 | cat; exit ${PIPESTATUS[0]}"),
    "what it sees": (SPEAKS, "MINE=1 python3 -m pytest -s -q 2>&1"),
    "what it sees by its own name": (SPEAKS, "umask 077; ulimit -n 99; echo in | pytest -s -q"),
    "odd arguments": (GREEN, "pytest '' 'a b' --no-such"),
    "no tests": ({}, "pytest"),
    "in a folder": ({"sub/test_it.py": "def test_it(): pass\n"}, "cd sub && python3 -m pytest"),
    "a module like one of Python's": (
        {"random.py": "def answer(): return 1\n"}
        | _test("import random\ndef test_it(): print(dir(random))"),
        "python3 -m pytest -s",
    ),
    "a PYTHONPATH": (
        {"lib/mine.py": "x = 1\n"} | _test("from mine import x\ndef test_it(): assert x == 1"),
        "PYTHONPATH=lib pytest",
    ),
    "a plugin and a conftest": (
        {
            "mine.py": "def pytest_report_header(): return 'mine'\n",
            "conftest.py": "import pytest\n@pytest.fixture\ndef two(): return 2\n",
        }
        | _test("def test_it(two): assert two == 3"),
        "python3 -m pytest -p mine",
    ),
    "options of its own": (
        {"pytest.ini": "[pytest]\naddopts = -v --tb=short\n", **RED},
        "PYTEST_ADDOPTS=-rA python3 -m pytest",
    ),
    "unittest in it": (
        {
            "test_it.py": "import unittest\nclass TestIt(unittest.TestCase):\n"
            "  def test_it(self): self.assertEqual(1, 2)\n"
        },
        "python3 -m pytest",
    ),
    "killed": (_test("def test_it(): os.kill(os.getpid(), signal.SIGKILL)"), "pytest; echo $?"),
    "exits": (_test("def test_it(): os._exit(7)"), "pytest; exit $?"),
    "ends at exit": (
        _test("import atexit\natexit.register(print, 'bye')\ndef test_it(): pass"),
        "pytest -q",
    ),
    "is interrupted": (SLEEPS, _once_begun("INT")),
    "is told to end": (SLEEPS, _once_begun("TERM")),
    "is killed from outside": (SLEEPS, _once_begun("KILL")),
    "twice, and in the background": (GREEN, "pytest -q; pytest -q >one & wait $!; cat one"),
    "another descriptor": (_test("def test_it(): os.write(5, b'five')"), "pytest -q 5>five"),
    "no output": (GREEN, "pytest -q >&-; echo $?"),
    "another Python, into a pipe": (GREEN, "python3 -c 'print(1)' | cat"),
    "another Python": (GREEN, "python3 -c 'import sys; print(sys.executable, sys.path)'"),
    "a script": ({"one.py": "import sys; print(sys.argv)"}, "python3 one.py -m pytest"),
    "a process of its own": (
        _test(
            "import subprocess\ndef test_it():\n"
            "  print(subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True))"
        ),
        "pytest -s",
    ),
    "writes": (_test("def test_it(): open('new', 'w').write('x')"), "pytest; ls -a"),
    "prints much": (_test("def test_it(): print('x' * 80000); assert 0"), "pytest"),
}


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """A result without times, and without the compiled files, which hold some."""
    text = re.sub(r"\d+\.\d+ ?s", "0.00s", repr(result)).replace("-warm:latest", ":latest")
    text = re.sub(r"line 1: +\d+ (Killed|Term)", r"line 1: \1", text)  # bash tells the number
    return dict(eval(text))  # noqa: S307 - of a repr of ours


@pytest.mark.parametrize("case", CASES)
async def test_it_does_what_the_real_one_does(running: Daemon, case: str) -> None:
    """Status, outputs, created and changed files of pytest are as without the warm-up."""
    files, script = CASES[case]

    how: dict[str, Any] = {"rag_lambda": RAG} if case in COLOURS else {}
    real = await running.run(PLAIN, script, files=files, **how)
    warm = await running.run(WARM, script, files=files, **how)

    assert plain(warm) == plain(real)
    if case in COLOURS:
        assert warm["outcome"] == case


async def test_a_run_that_times_out_is_answered_as_ever(running: Daemon) -> None:
    """A run that times out has what was printed before the time was over, and what a
    trap prints.
    """
    files = _test("def test_it():\n  print('begun', flush=True)\n  time.sleep(20)")

    script = "trap 'echo bye' EXIT; pytest -s -q"
    real = await running.run(PLAIN, script, files=files, seconds=2)
    warm = await running.run(WARM, script, files=files, seconds=2)

    assert plain(warm) == plain(real)
    assert warm["outcome"] == "timed_out"


async def test_the_process_that_waits_is_the_one_that_serves(running: Daemon) -> None:
    """pytest's parent is the process that the warm-up has left."""
    files = _test("def test_it(): print(open(f'/proc/{os.getppid()}/cmdline').read())")

    said = (await running.run(WARM, "pytest -s", files=files))["stdout"]["content"]

    assert "zygote.py" in said
