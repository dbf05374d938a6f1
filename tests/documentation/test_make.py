"""The commands of make and of the benchmark, in a copy of the project.

What takes many minutes is run with arguments that make it small, which each test names. Besides,
each is asked of make (`make --dry-run`), and its arguments are read by the parser of the program
that make would start: so are those which a page names in a sentence only, of which some are run.
The commands of all languages are in test_languages.py, and those that ask npm or an index of
packages in test_over_the_network.py.
"""

import re
import shlex
from pathlib import Path

import pytest

from bench.__main__ import app as bench
from bench.simulator.__main__ import app as simulator
from tests.conftest import ServeFake
from tests.documentation.claims import claimed_by
from tests.documentation.clone import clone
from tests.documentation.pages import PAGES, ROOT, in_sentences
from tests.documentation.shell import replaced, shell
from tests.documentation.test_over_the_network import CHECK_PAGE, DIAGRAMS, LOCK

MAKE = sorted({command.line for command in claimed_by(__file__, "make ")})
BENCH = sorted({command.line for command in claimed_by(__file__, ".venv/bin/python -m bench ")})
SENTENCES = {code for page in PAGES for code in in_sentences(page) if code.startswith("make ")}
WITH_ARGUMENTS = sorted(code for code in SENTENCES - set(MAKE) if re.match(r"make \S+ \w+=", code))

# What is named in sentences only, as small as it can be.
NAMED = {
    "make check-lint": "make check-lint",
    "make docs": "make docs",
    "make fuzz": "FUZZ_EXAMPLES=10 make fuzz ARGS='--seconds 1 untar'",
    "make mutants": "make mutants ARGS=runner/configuration/allowed_images.py",
    "make picture": "make picture",
    "make promises": "make promises",
}
# What a sentence names with arguments, as small as it can be.
WITH_FEW = {
    'make bench ARGS="flame FILE.svg"': 'make bench ARGS="flame FILE.svg --seconds 1"',
    "make bench ARGS=watching": 'make bench ARGS="watching --seconds 1"',
    "make images IMAGES=launcher": "make images IMAGES=launcher",
}
# The parts of the benchmark that a sentence names and no test here runs, each with the reason.
ONLY_PARSED = {
    "class": "a class lasts five minutes; a shown line of the benchmark has a small one",
    "engine": "tests/bench/test_soak.py times each kind of container once",
    "replays": "tests/bench/test_replays.py holds each replay to its bound",
    "replicas": "it waits for mishaps of three replicas; tests/test_replicas.py has such mishaps",
    "scale": "it measures hundreds of containers",
    "storm": "it measures storms of refills for minutes",
}
# The same that have a test of their own, because more can be said of them than that they end well.
RELEASE_CHECK = "make release-check"
COVERAGE = "make coverage"
SOAK = "make soak"
TOLD_APART = {RELEASE_CHECK, COVERAGE, SOAK, CHECK_PAGE, DIAGRAMS, LOCK}

PARSERS = {"bench": bench, "bench.simulator": simulator}
_PROGRAM = re.compile(r"python -m (bench[.\w]*)([^'\n]*)")

# CI itself runs all tests but the long ones; here make starts a file of them that takes no time,
# and another that has a long test.
SMALL = {
    "make quick": "make quick ARGS=tests/test_long_files.py",
    "make test": "make test ARGS=tests/test_long_files.py",
    "make test-long": "make test-long ARGS=tests/runner/colour/test_memory.py",
}
# As small as the benchmark can be, of what the line leaves open.
SMALL_BENCH = {
    "--ways": "limit cells",
    "--workloads": "true",
    "--at-once": "1",
    "--seconds": "0.1",
    "--rounds": "1",
    "--class-seconds": "1.5",
}
# An hour of a day, in which there is a class, on one replica; and as few groups as may be.
SMALL_SIMULATION = "--hours 9 10 --replicas 1 --group-starts 5"
# The pictures that are drawn anew, by what is asked for.
DRAWN = {
    "--days": {"day.svg", "trade_off.svg"},
    "--frontier": {"frontier.svg"},
    "--groups": {"groups.svg"},
}
AS_THEY_ARE = {"make image", "make images IMAGES=ruby", "make simulate ARGS=--help"}
SIMULATIONS = [
    line for line in MAKE if line.startswith("make simulate") and line not in AS_THEY_ARE
]
# CI runs the first, and the second has a test of its own.
ALSO = {"make check", "make venv"}

WITHIN_S = 590.0  # a new environment takes minutes on a busy machine
in_time = pytest.mark.timeout(WITHIN_S + 10)


@pytest.mark.parametrize("line", [*MAKE, *WITH_ARGUMENTS, *sorted(TOLD_APART)])
async def test_make_knows_the_target_and_its_program_the_arguments(line: str) -> None:
    """Each `make` command of a page has a target that exists, and arguments that its
    program knows.
    """
    said = await shell(f"{line} --dry-run")

    assert (said.status, said.stderr) == (0, "")
    programs = _PROGRAM.findall(said.stdout)
    # Options that are handed on must have been read by a parser.
    assert programs or "ARGS=-" not in line
    for name, words in programs:
        PARSERS[name].parse_args(shlex.split(words), exit_on_error=False, print_error=False)


@pytest.mark.parametrize("line", BENCH)
def test_the_benchmark_knows_the_arguments(line: str) -> None:
    """No argument of `make bench` in a page is misspelt."""
    _, _, words = line.partition(" -m bench ")

    bench.parse_args(shlex.split(words), exit_on_error=False, print_error=False)


def test_each_line_of_make_is_run() -> None:
    """Each line of make in a page is run by one of the tests in this file."""
    known = {
        *SMALL,
        *AS_THEY_ARE,
        *SIMULATIONS,
        *ALSO,
        *(line for line in MAKE if line.startswith("make bench")),
    }

    assert known == set(MAKE)


def test_each_target_of_a_sentence_is_run() -> None:
    """Each make target that a page names in a sentence is run by a test."""
    targets = {match[0] for code in SENTENCES if (match := re.match(r"make [a-z-]+(?= |$)", code))}
    elsewhere = {"make demo", "make serve", "make languages"}
    shown = {" ".join(line.split()[:2]) for line in MAKE} | elsewhere

    assert targets - shown == {*NAMED, *TOLD_APART}


def test_each_part_of_the_benchmark_in_a_sentence_is_run_or_has_a_reason() -> None:
    """Each part of the benchmark that a page names is run by a test, or has a reason
    why it cannot be.
    """
    parts = {
        part[1]
        for line in WITH_ARGUMENTS
        if line not in WITH_FEW and (part := re.match(r'make bench ARGS="?([a-z]+)', line))
    }

    assert WITH_FEW.keys() <= set(WITH_ARGUMENTS)
    assert parts == ONLY_PARSED.keys()


@pytest.mark.parametrize("line", ["make check", "make test"])
def test_ci_runs_what_the_page_says(line: str) -> None:
    """CI runs all checks and all tests but the long ones, as CONTRIBUTING.md says."""
    assert line in MAKE
    assert line in (ROOT / ".ci" / "run").read_text().splitlines()


@pytest.mark.timeout(2 * WITHIN_S + 10)
@pytest.mark.long
async def test_the_environment_is_made_anew(tmp_path: Path) -> None:
    """`make venv` in a fresh clone installs what is locked, and the project itself.

    A release can be made of it. Its check's status is that of an index of vulnerabilities, which
    has others each day, or does not answer.
    """
    [line] = [line for line in MAKE if line == "make venv"]
    folder = clone(tmp_path / "clone", with_environment=False)

    said = await shell(line, folder, within_s=WITHIN_S)

    assert said.status == 0, said
    version = await shell(".venv/bin/dojo-runner --version && .venv/bin/ruff --version", folder)
    assert (version.status, version.stderr) == (0, "")
    release = await shell(RELEASE_CHECK, folder, within_s=WITHIN_S)
    assert "audited: " in release.stdout or "not audited: " in release.stdout, release
    assert len([*(folder / "dist").iterdir()]) == 3


@in_time
@pytest.mark.long
@pytest.mark.docker
async def test_coverage_of_a_few_tests_is_too_little(tmp_path: Path) -> None:
    """`make coverage` of one module's tests tells what they reach, and fails because
    that is too little.
    """
    folder = clone(tmp_path / "clone")

    said = await shell(f"{COVERAGE} ARGS=tests/pool/test_ledger.py", folder, within_s=WITHIN_S)

    assert " passed" in said.stdout
    assert "TOTAL" in said.stdout
    assert "is less than fail-under" in said.stdout + said.stderr
    assert said.status != 0


@in_time
@pytest.mark.long
@pytest.mark.docker
async def test_a_small_soak(tmp_path: Path) -> None:
    """A small soak has right answers only and no growth; only a busy machine may be
    slow to answer.
    """
    folder = clone(tmp_path / "clone")

    few = "--runs 100 --reuse cells --restart-every 0"
    said = await shell(f'{SOAK} ARGS="{few}"', folder, within_s=WITHIN_S)

    assert "100 requests, reuse cells" in said.stdout, said
    faults = [line for line in said.stdout.splitlines() if line.startswith("not well")]
    assert [line for line in faults if "/alive took" not in line] == []
    assert (said.status == 0) == (faults == [])


@in_time
@pytest.mark.long
@pytest.mark.docker
@pytest.mark.clang
@pytest.mark.parametrize("line", [*SMALL, *sorted(AS_THEY_ARE), *NAMED, *WITH_FEW])
async def test_it_ends_well(tmp_path: Path, line: str) -> None:
    """Each short make command of the pages ends well in a copy of the project."""
    folder = clone(tmp_path / "clone")

    said = await shell((SMALL | NAMED | WITH_FEW).get(line, line), folder, within_s=WITHIN_S)

    assert said.status == 0, said


@in_time
@pytest.mark.long
@pytest.mark.docker
@pytest.mark.parametrize("line", [line for line in MAKE if line.startswith("make bench ")])
async def test_a_small_benchmark(tmp_path: Path, line: str) -> None:
    """A small `make bench` measures, and prints tables or writes its report."""
    folder = clone(tmp_path / "clone")
    given = shlex.split(line)[2].removeprefix("ARGS=")
    more = [f"{name} {value}" for name, value in SMALL_BENCH.items() if name not in given]

    said = await shell(f'make bench ARGS="{given} {" ".join(more)}"', folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert "cells" in said.stdout


@in_time
@pytest.mark.long
@pytest.mark.parametrize("line", SIMULATIONS)
async def test_a_small_simulation(tmp_path: Path, line: str) -> None:
    """A small `make simulate` prints tables of policies, and draws the pictures that
    were asked for only.
    """
    folder = clone(tmp_path / "clone")
    _, _, given = line.partition(" ARGS=")
    asked = given.strip('"')

    small = f'make simulate ARGS="{asked} {SMALL_SIMULATION}"'
    said = await shell(small, folder, within_s=WITHIN_S)

    assert said.status == 0, said
    assert "reactive" in said.stdout or "worth" in said.stdout
    assert changed_pictures(folder) == set().union(*(DRAWN.get(one, ()) for one in asked.split()))


def changed_pictures(folder: Path) -> set[str]:
    """The names of those of the copy that are not the project's any more."""
    pictures = (folder / "docs" / "pictures").glob("*.svg")
    ours = ROOT / "docs" / "pictures"
    return {one.name for one in pictures if one.read_bytes() != (ours / one.name).read_bytes()}


@in_time
@pytest.mark.long
async def test_reports_of_a_benchmark_of_a_service(tmp_path: Path, serve_fake: ServeFake) -> None:
    """A benchmark of any service by its URL needs no engine, and several results
    make one report.
    """
    [of_service] = [line for line in BENCH if "--url" in line]
    [of_files] = [line for line in BENCH if "bench report" in line]
    folder = clone(tmp_path / "clone")
    async with serve_fake() as served:
        words = {"http://host:4597": served.url, "name:tag": served.image}
        small = " --quick --workloads true --to "
        for name in of_files.split()[-2:]:
            said = await shell(replaced(of_service, words) + small + name, folder)
            assert said.status == 0, said

    said = await shell(of_files, folder)

    assert said.status == 0, said
