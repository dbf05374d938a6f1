"""Runs that are made again on a writable root: which, how often, and what comes of that."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from pool import ContainerSpec
from runner.container.roots import MOST_IN_VAIN
from runner.kata import Outcome, RunResult, Text
from runner.run.again import blames_read_only, differs
from runner.run.budget import may_run_again
from tests.conftest import ServeFake
from tests.fakes import FakeEngine, FakeStream, archive, framed
from tests.serving import Served

WORDS = "mkdir: cannot create directory: Read-only file system"
RED, GREEN = Outcome.RED, Outcome.GREEN


def result(outcome: Outcome = RED, status: str = "1", out: str = "", err: str = "") -> RunResult:
    """A result of which only these are looked at."""
    return RunResult(outcome, status, Text(out), Text(err))


@pytest.mark.parametrize(
    "words",
    [
        WORDS,
        "open trim.txt: read-only file system",
        "Error: EROFS: read-only file system, mkdir '/usr/lib/x'",
        "code: 'EROFS'",
        "java.nio.file.ReadOnlyFileSystemException or Read-only filesystem",
    ],
)
def test_the_kernels_words_are_known(words: str) -> None:
    """The kernel's words are known in either stream, as C, Go, Node and Java write them."""
    assert blames_read_only(result(out=words))
    assert blames_read_only(result(err=words))


@pytest.mark.parametrize(
    "ended",
    [
        result(GREEN, "0", WORDS),
        result(Outcome.FAULTY, "0", WORDS),
        result(out="a file system, read-only"),
        result(out="ZEROFSX Permission denied"),
    ],
)
def test_other_runs_stay_as_they_are(ended: RunResult) -> None:
    """A run with status 0 that is green or has no colour needs nothing, nor do other words."""
    assert not blames_read_only(ended)


@pytest.mark.parametrize("ended", [result(GREEN, "1", WORDS), result(Outcome.AMBER, "0", WORDS)])
def test_a_colour_alone_does_not_make_a_good_end(ended: RunResult) -> None:
    """Tests may pass and the program fail afterwards, or the other way round."""
    assert blames_read_only(ended)


def test_a_difference_is_a_colour_a_status_or_other_words() -> None:
    """Anything else that differs between two runs is chance."""
    first = result(out=WORDS)

    assert differs(first, result(GREEN, "1", WORDS))
    assert differs(first, result(RED, "2", WORDS))
    assert differs(first, result(err="Permission denied"))
    assert not differs(first, result(out=f"{WORDS} after 2 s"))


def test_a_run_is_made_again_only_if_there_is_time() -> None:
    """There must be as much as it took, and some seconds for what is around it."""
    assert may_run_again(took_s=5, left_s=20)
    assert not may_run_again(took_s=10, left_s=12)


@asynccontextmanager
async def served(
    serve_fake: ServeFake, says: Callable[[ContainerSpec], tuple[str, str] | None]
) -> AsyncIterator[tuple[Served, FakeEngine]]:
    """A service whose containers answer with the stdout and the status that `says` tells.

    For a None they end before they are ready.
    """
    engine = FakeEngine()
    kata = engine.kata

    async def program(spec: ContainerSpec, stream: FakeStream) -> None:
        if (said := says(spec)) is None:
            return
        out, status = said
        files = {".dojo/stdout": out.encode(), ".dojo/status": f"{status:4}".encode()}
        kata.answer = lambda kata: framed(kata, archive(files))
        await kata(spec, stream)

    engine.containers.programs["bash"] = program
    async with serve_fake(engine, warm=0) as http:
        await http.until_ready()
        yield http, engine


def by_root(spec: ContainerSpec) -> tuple[str, str]:
    """What a program says that fails on a read-only root."""
    return (WORDS, "1") if spec.read_only else ("fine", "0")


async def test_the_second_result_is_the_answer(serve_fake: ServeFake) -> None:
    """The run is made again on a writable root, and from then on all runs of the image are."""
    async with served(serve_fake, by_root) as (http, engine):
        answers = [await http.run() for _ in range(3)]
        shown = http.service.health().as_json()["images"][http.image]
        roots = [spec.read_only for spec in engine.containers.asked if spec.image == http.image]

    assert [answer["outcome"] for answer in answers] == ["green"] * 3
    assert [answer["stdout"]["content"] for answer in answers] == ["fine"] * 3
    assert (shown["mode"], roots.count(True)) == ("writable root", 1)


async def test_words_in_vain_cost_a_few_runs(serve_fake: ServeFake) -> None:
    """A learner that prints the kernel's words gets no more than a few runs on a writable root."""
    async with served(serve_fake, lambda spec: (WORDS, "1")) as (http, engine):
        answers = [await http.run() for _ in range(MOST_IN_VAIN + 3)]
        shown = http.service.health().as_json()["images"][http.image]
        writable = [spec for spec in engine.containers.asked if not spec.read_only]

    assert {answer["outcome"] for answer in answers} == {"red"}
    assert (len(writable), shown["mode"]) == (MOST_IN_VAIN, "read-only")


async def test_no_run_is_made_again_where_that_is_forbidden(serve_fake: ServeFake) -> None:
    """With WRITABLE_ROOTS=never each run is made once."""
    engine = FakeEngine()
    files = {".dojo/stdout": WORDS.encode(), ".dojo/status": b"1   "}
    engine.kata.answer = lambda kata: framed(kata, archive(files))
    async with serve_fake(engine, warm=0, writable_roots="never") as http:
        await http.until_ready()
        answer = await http.run()
        roots = {spec.read_only for spec in engine.containers.asked if spec.image == http.image}

    assert (answer["outcome"], roots) == ("red", {True})


async def test_a_second_run_that_fails_leaves_the_first(serve_fake: ServeFake) -> None:
    """When no container can be started again, the learner has what the first run gave."""

    def says(spec: ContainerSpec) -> tuple[str, str] | None:
        return (WORDS, "1") if spec.read_only else None

    async with served(serve_fake, says) as (http, _):
        answer = await http.run()

    assert (answer["outcome"], answer["stdout"]["content"]) == ("red", WORDS)
