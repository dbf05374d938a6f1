"""The warm-up that an image brings: what it leaves a run, and what one of no use leaves."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from runner.container.warm_up import HOOK, WarmUps, without_warm_up
from tests.daemon_process import Daemon, daemon
from tests.runner.container.inside.places import GNU
from tests.runner.katas import building, built
from tests.waiting import eventually

WARNING = "the warm-up of an image is of no use"
KINDS = [
    pytest.param({"reuse": "never"}, id="single-use"),
    pytest.param({"reuse": "cells"}, id="cells"),
    pytest.param({"reuse": "never", "delivery": "exec"}, id="exec", marks=pytest.mark.long),
]
WELL = {
    "well": "mkdir /dev/shm/own; id -u >/dev/shm/own/warm; pwd >>/dev/shm/own/warm;"
    " env | grep -c _dojo_ >>/dev/shm/own/warm; readlink /proc/self/fd/0 >>/dev/shm/own/warm;"
    " [[ -e /proc/$$/fd/3 ]]; echo $? >>/dev/shm/own/warm;"
    " sleep 1000 & disown; sleep 1000 &",
    "says much": "head -c 10000000 /dev/zero; head -c 10000000 /dev/zero >&2",
    "reads": "cat; cat <&3; true",
}
TOO_LONG, TOO_MANY = "it has not ended after 3 s", "it left more than 48 processes"
# Each hook with the words that may be told of it. On a slow host a bomb may outlast its time.
OF_NO_USE = {
    "fails": ("sleep 100 & exit 3", ("it ended with status 3",)),
    "hangs": ("trap '' TERM INT; setsid sleep 100 & sleep 100", (TOO_LONG,)),
    "bombs": ("b() { b | b & }; b; sleep 0.5", (TOO_MANY, TOO_LONG)),
    "stays": ("for i in {1..60}; do sleep 100 & done", (TOO_MANY,)),
    "kills": ("kill -9 -1; sleep 1", ("containers do not start with it: ",)),
}
SCRIPT = "echo out; echo new >new; bash -c 'echo in a child'; ls /proc | grep -c '^[0-9]'; exit 1"


@pytest_asyncio.fixture(scope="module")
async def images() -> AsyncIterator[dict[str, str]]:
    """Images by what their hooks do."""
    hooks = {**WELL, **{name: hook for name, (hook, _) in OF_NO_USE.items()}}
    dockerfile = f"FROM {GNU}\nCOPY hook {HOOK}\n"
    contexts = {
        name: {"Dockerfile": dockerfile, "hook": f"#!/bin/bash\n{hook}\n"}
        for name, hook in hooks.items()
    }
    async with building() as client, built(client, "hook", contexts) as names:
        yield names


@pytest_asyncio.fixture(scope="module", params=KINDS)
async def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, images: dict[str, str]
) -> AsyncIterator[Daemon]:
    """A daemon for each kind of container, gone before the images are."""
    assert images
    async with daemon(tmp_path_factory.mktemp("hooks"), warm="1", **request.param) as running:
        yield running


async def profile_of(running: Daemon, image: str) -> dict[str, Any]:
    """What operators see of an image."""
    return dict((await running.health())["images"][image]["profile"])


@pytest.mark.docker
async def test_what_a_hook_leaves_is_there_for_each_run(
    running: Daemon, images: dict[str, str]
) -> None:
    """Each run finds what the hook has left, and nothing that a run before it has changed."""
    script = (
        "cat /dev/shm/own/warm; grep -l sleep /proc/[0-9]*/comm | wc -l;"
        " echo mine >/dev/shm/own/warm; sleep 1 &"
    )
    for _ in range(3):
        result = await running.run(images["well"], script)

        said = result["stdout"]["content"].splitlines()
        assert said == ["41966", "/sandbox", "0", "/dev/null", "1", "2"]
        assert (result["outcome"], result["created"], result["log"]) == ("green", {}, {})
    profile = await profile_of(running, images["well"])
    assert profile["warm_up"] is True
    assert profile["warm_up_trouble"] == ""
    assert 0 < profile["warm_up_seconds"] < 3
    assert 0 < profile["warm_up_memory_mib"] < 10


@pytest.mark.docker
async def test_a_time_out_ends_what_a_hook_has_left(
    running: Daemon, images: dict[str, str]
) -> None:
    """A run that times out is answered as ever, and its outputs are there."""
    result = await running.run(images["well"], "trap 'echo bye' EXIT; echo out; sleep 9", seconds=1)

    assert (result["outcome"], result["stdout"]["content"]) == ("timed_out", "out\nbye\n")


@pytest.mark.docker
@pytest.mark.parametrize("hook", [name for name in WELL if name != "well"])
async def test_what_a_hook_says_and_reads_is_nobodys(
    running: Daemon, images: dict[str, str], hook: str
) -> None:
    """What a hook prints is in no answer, and it reads nothing of a run's."""
    result = await running.run(images[hook], SCRIPT)

    assert (result["outcome"], list(result["created"]), result["log"]) == ("red", ["new"], {})
    assert result["stdout"]["content"].startswith("out\nin a child\n")


@pytest.mark.docker
# What is told of a hook is the same in both kinds, and each kind has some of these.
@pytest.mark.long_with("single-use-kills", "single-use-stays", "cells-fails", "cells-hangs")
@pytest.mark.parametrize("hook", OF_NO_USE)
async def test_a_hook_of_no_use_leaves_a_run_as_it_is(
    running: Daemon, images: dict[str, str], hook: str
) -> None:
    """A hook that fails, hangs, bombs or kills costs a run nothing; log and /health tell of it."""
    image, (_, trouble) = images[hook], OF_NO_USE[hook]

    for _ in range(2):
        result = await running.run(image, SCRIPT)

        assert (result["outcome"], list(result["created"]), result["log"]) == ("red", ["new"], {})
        assert result["stdout"]["content"].startswith("out\nin a child\n")
    profile = await profile_of(running, image)
    assert profile["warm_up_trouble"].startswith(trouble)
    assert len(await running.logged(WARNING, image=image)) == 1


@pytest.mark.docker
async def test_an_image_without_a_hook_has_none(running: Daemon) -> None:
    """Nothing is told of the warm-up of an image that brings none."""
    await running.run(GNU, "true")

    profile = await profile_of(running, GNU)
    assert profile["warm_up"] is False
    assert "warm_up_seconds" not in profile


@pytest.mark.docker
@pytest.mark.long_with("cells")
async def test_a_container_is_warm_only_after_its_hook(
    running: Daemon, images: dict[str, str]
) -> None:
    """The time that a hook takes is part of the time that a container takes to be warm."""
    image = images["hangs"]
    await running.run(image, "true")

    async def times() -> list[float]:
        found: list[float] = (await running.health())["images"][image]["fill_seconds"]
        return found

    assert min(await eventually(times, lambda found: found)) >= 3


def test_words_of_a_warm_up_are_in_no_learners_log() -> None:
    """A faulty run's log holds what the image said, and nothing of its warm-up."""
    said = "oh\ndojo-runner: warm-up 12 ms, 0 KiB: it ended with status 3\nno"

    assert without_warm_up(said) == "oh\nno"
    assert without_warm_up("oh") == "oh"


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "-1", ""])
def test_numbers_that_no_warm_up_has_are_passed_over(number: str) -> None:
    """An image may print a warm-up's line with impossible numbers; the run goes on
    as if it had not.
    """
    known = WarmUps()
    known.met("one", "sha256:1", f"dojo-runner: warm-up {number} ms, 1 KiB: well\n", "")
    known.met("one", "sha256:1", f"dojo-runner: warm-up 1 ms, {number} KiB: well\n", "")

    assert known.as_json("one", "")["warm_up_seconds"] is None


def test_the_latest_warm_up_counts() -> None:
    """Seconds, memory and trouble are those of the container that the latest run got."""
    known = WarmUps()
    assert known.as_json("one", "") == {
        "warm_up_seconds": None,
        "warm_up_memory_mib": None,
        "warm_up_trouble": "",
    }

    known.met("one", "id", "dojo-runner: warm-up 250 ms, 0 KiB: it ended with status 3", "")
    assert known.as_json("one", "") == {
        "warm_up_seconds": 0.25,
        "warm_up_memory_mib": 0.0,
        "warm_up_trouble": "it ended with status 3",
    }

    known.met("one", "id", "dojo-runner: warm-up 300 ms, 23552 KiB: well", "")
    known.met("one", "id", "something else", "")
    assert known.as_json("one", "") == {
        "warm_up_seconds": 0.3,
        "warm_up_memory_mib": 23.0,
        "warm_up_trouble": "",
    }
