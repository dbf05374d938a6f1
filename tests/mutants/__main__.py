"""python -m tests.mutants: takes out one protection after the other; does a test notice it?

All of it happens in a copy of the tree: the checkout is never touched. The exit status is 1 when a
mutant survives, or cannot be tried.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tests.mutants.mutants import (
    ROOT,
    Mutant,
    Needs,
    Verdict,
    functions_by_name,
    node_ids,
    read_mutants,
    selection,
    verdict_of,
)

DEADLINE_S = 180.0  # for the tests of one mutant
TEST_S = 30  # for one of them; whatever needs an engine may take longer
TEST_ON_ENGINE_S = 120
# What is copied: all that the tests run or read, and no .git, .venv or .state.
PARTS = (
    "pool",
    "runner",
    "tests",
    "images",
    "bench",
    "scripts",
    "docs",
    "deploy",
    "pyproject.toml",
)
LAUNCHER, LAUNCHER_OF_MUTANT = "dojo-runner/launcher:latest", "dojo-runner/launcher:mutant"
BASE = "dojo-runner/base:latest"
LAUNCHER_FOLDER = "images/launcher"
NAMES_LAUNCHER = "tests/runner/cells/support.py"


def main() -> int:
    """Try the chosen mutants; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--no-docker", action="store_true", help="leave out what needs an engine")
    parser.add_argument("words", nargs="*", help="only mutants with one of these in file or name")
    arguments = parser.parse_args()
    mutants = [one for one in read_mutants() if _is_chosen(one, arguments.words)]
    if arguments.no_docker:
        mutants = [one for one in mutants if one.needs in (Needs.NOTHING, Needs.CLANG)]
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        copy = Path(folder)
        _copy_tree(copy)
        bad = [one for one in mutants if _try(one, copy) is not Verdict.KILLED]
    print(f"{len(mutants)} mutants, {len(mutants) - len(bad)} killed")  # noqa: T201
    for one in bad:
        print(f"not killed: {one.file}: {one.protection}")  # noqa: T201
    return int(bool(bad))


def _is_chosen(mutant: Mutant, words: Sequence[str]) -> bool:
    return not words or any(word in mutant.file or word in mutant.protection for word in words)


def _copy_tree(into: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__", ".*")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, into / part, ignore=ignored)
        else:
            shutil.copy(ROOT / part, into / part)


def _try(mutant: Mutant, copy: Path) -> Verdict:
    """Print one line, and leave the copy as it was."""
    source = (copy / mutant.file).read_text()
    known_tests = functions_by_name(copy / "tests")
    began_s = time.monotonic()
    verdict, by = Verdict.BROKEN, mutant.fault(source, known_tests)
    if not by:
        (copy / mutant.file).write_text(mutant.apply(source))
        try:
            if mutant.needs is Needs.LAUNCHER:
                _build_launcher(copy)
            verdict, by = verdict_of(*_pytest(mutant, node_ids(mutant, known_tests), copy))
        except subprocess.CalledProcessError:
            by = "its launcher cannot be built"
        finally:
            (copy / mutant.file).write_text(source)
            if mutant.needs is Needs.LAUNCHER:
                with suppress(subprocess.CalledProcessError):
                    _docker("image", "rm", "--force", LAUNCHER_OF_MUTANT)
    took_s = time.monotonic() - began_s
    print(f"{verdict:8} {took_s:5.1f} s  {mutant.protection}  [{by}]", flush=True)  # noqa: T201
    return verdict


def _pytest(mutant: Mutant, nodes: Sequence[str], copy: Path) -> tuple[int | None, str]:
    """The exit status of pytest, None when it had to be ended, and what it printed."""
    needs_engine = mutant.needs in (Needs.DOCKER, Needs.LAUNCHER)
    command = [
        *(sys.executable, "-m", "pytest", "-x", "-q", "-rfE", "--tb=no", "--no-header"),
        *(
            "-p",
            "no:randomly",
            "-p",
            "no:cacheprovider",
            f"--timeout={TEST_ON_ENGINE_S if needs_engine else TEST_S}",
        ),
        *selection(mutant.needs),
        *nodes,
    ]
    # Files of the same size that are written within a second look alike to Python's cache.
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    with subprocess.Popen(  # noqa: S603 - our own tests
        command,
        cwd=copy,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=DEADLINE_S)
            return process.returncode, output
        except subprocess.TimeoutExpired:
            return None, ""
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too


def _build_launcher(copy: Path) -> None:
    """An image of the mutant's launcher beside the real one, by whose name the copy calls it."""
    support = copy / NAMES_LAUNCHER
    support.write_text(support.read_text().replace(LAUNCHER, LAUNCHER_OF_MUTANT))
    folder = str(copy / LAUNCHER_FOLDER)
    _docker("build", "-q", "-t", LAUNCHER_OF_MUTANT, "--build-arg", f"BASE={BASE}", folder)


def _docker(*words: str) -> None:
    """Run a command of Docker. Raises CalledProcessError."""
    subprocess.run(["docker", *words], check=True, stdout=subprocess.DEVNULL)  # noqa: S603, S607


if __name__ == "__main__":
    sys.exit(main())
