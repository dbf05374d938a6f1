"""Whose containers may be removed: the dead's, never a living sibling's."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pool import EngineError, Owner, Seen, remove_mine, sweep, this_process
from pool.orphans import (
    NEVER_STARTED_S,
    OWNER_LABEL,
    REPLICA_LABEL,
    SERVICE_LABEL,
    is_orphan,
    is_provably_dead,
)
from tests.fakes import FakeContainers

NOW_S = 1_700_000_000
ME = Owner("here", "boot/pid:[1]/10/100")
DEAD = Owner("here", "boot/pid:[1]/9/90")
SIBLING = Owner("there", "boot/pid:[2]/7/70")


def is_dead(process: str) -> bool:
    """Only DEAD is."""
    return process == DEAD.process


def seen(owner: Owner, state: str = "running", age_s: int | None = 0) -> Seen:
    """A container of that owner."""
    created_s = None if age_s is None else NOW_S - age_s
    return Seen("id", "name", state, owner.labels(), created_s)


@contextmanager
def another_process() -> Iterator[subprocess.Popen[bytes]]:
    """A process of its own, ended and reaped at the end."""
    words = [sys.executable, "-c", "input()"]
    process = subprocess.Popen(words, stdin=subprocess.PIPE)  # noqa: S603 - our own words
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def name_of(pid: int) -> str:
    """What the process calls itself."""
    ours = this_process().process
    space, _, _ = ours.rpartition("]/")
    with open(f"/proc/{pid}/stat") as stat:
        started = stat.read().rpartition(")")[2].split()[19]
    return f"{space}]/{pid}/{started}"


# Who is dead


def test_this_process_is_alive() -> None:
    """We are here."""
    assert not is_provably_dead(this_process().process)


def test_another_living_process_is_alive() -> None:
    """A sibling on this host is left alone."""
    with another_process() as process:
        assert not is_provably_dead(name_of(process.pid))


def test_a_process_that_ended_is_dead() -> None:
    """Its process id is free, or is another's."""
    with another_process() as process:
        name = name_of(process.pid)

    assert is_provably_dead(name)


def test_a_process_that_nobody_buried_is_dead() -> None:
    """A daemon that was killed, and whose parent has not asked for its status, runs no more."""
    with another_process() as process:
        name = name_of(process.pid)
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)

        assert is_provably_dead(name)


def test_a_process_id_in_new_hands_is_dead() -> None:
    """The same number with another start time is another process."""
    space, _, _ = this_process().process.rpartition("/")

    assert is_provably_dead(f"{space}/1")


@pytest.mark.parametrize(
    "name",
    [
        "",
        "nonsense",
        "other-boot/pid:[1]/1/1",
        this_process().process.replace("pid:[", "pid:[9"),
        this_process().process.rpartition("]/")[0] + "]/\N{SUPERSCRIPT TWO}/1",
        this_process().process.rpartition("]/")[0] + "]/../1",
    ],
    ids=["nothing", "nonsense", "another boot", "another name space", "no number", "a path"],
)
def test_who_cannot_be_seen_from_here_is_not_provably_dead(name: str) -> None:
    """Another boot, another name space, or no name of ours at all: no proof."""
    assert not is_provably_dead(name)


# The rule


@pytest.mark.parametrize("state", ["created", "running"])
def test_ours_are_for_our_pools_to_judge(state: str) -> None:
    """What this very process started is no orphan as long as it has not ended."""
    assert not is_orphan(seen(ME, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["created", "running", "paused", "exited"])
def test_the_deads_are_orphans(state: str) -> None:
    """Whatever a dead process left goes."""
    assert is_orphan(seen(DEAD, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["created", "running", "paused"])
def test_a_siblings_are_left_alone(state: str) -> None:
    """One that cannot be proved dead may be alive."""
    assert not is_orphan(seen(SIBLING, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["exited", "dead"])
@pytest.mark.parametrize("owner", [ME, SIBLING])
def test_what_has_ended_is_an_orphan(owner: Owner, state: str) -> None:
    """It serves nobody any more, whoever started it: its removal has failed."""
    assert is_orphan(seen(owner, state), is_dead, NOW_S)


@pytest.mark.parametrize("owner", [ME, SIBLING])
def test_what_never_started_is_an_orphan_after_a_while(owner: Owner) -> None:
    """A daemon that died between create and start may be out of sight, and this has no stdin."""
    assert not is_orphan(seen(owner, "created", NEVER_STARTED_S), is_dead, NOW_S)
    assert is_orphan(seen(owner, "created", NEVER_STARTED_S + 1), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["running", "paused", "removing"])
def test_age_alone_makes_no_orphan(state: str) -> None:
    """A warm container may wait for days."""
    assert not is_orphan(seen(SIBLING, state, 10 * NEVER_STARTED_S), is_dead, NOW_S)


def test_who_knows_no_age_takes_nothing_for_old() -> None:
    """An engine that does not say when: left alone, unless its owner is dead."""
    assert not is_orphan(seen(SIBLING, "created", None), is_dead, NOW_S)
    assert is_orphan(seen(DEAD, "created", None), is_dead, NOW_S)


def test_an_owner_marks_its_containers() -> None:
    """The labels say which service, which replica and which process."""
    assert SIBLING.labels() == {
        SERVICE_LABEL: "dojo-runner",
        REPLICA_LABEL: "there",
        OWNER_LABEL: "boot/pid:[2]/7/70",
    }


def test_a_replica_may_have_a_name_of_its_own() -> None:
    """Without one it is called after its host."""
    assert this_process("blue").replica == "blue"
    assert this_process().replica == os.uname().nodename


# The sweep


async def test_the_sweep_removes_orphans_only(engine: FakeContainers) -> None:
    """The dead's go; ours, a sibling's and strangers' stay."""
    engine.add("mine", "running", ME.labels())
    engine.add("dead's", "running", DEAD.labels())
    engine.add("sibling's", "running", SIBLING.labels())
    engine.add("stranger's", "exited", {"some": "label"})

    assert await sweep(engine, is_dead) == 1

    assert set(engine.present) == {"mine", "sibling's", "stranger's"}


async def test_the_sweep_knows_the_time(engine: FakeContainers) -> None:
    """What was created long ago and never started goes, whosever it was."""
    engine.add("sibling's", "created", SIBLING.labels(), created_s=int(time.time()))
    engine.add("forgotten", "created", SIBLING.labels(), created_s=int(time.time()) - 3600)

    assert await sweep(engine, is_dead) == 1

    assert set(engine.present) == {"sibling's"}


async def test_the_sweep_goes_on_past_what_will_not_go(engine: FakeContainers) -> None:
    """A removal that fails is left to the next sweep; all others are tried."""
    for number in range(10):
        engine.add(f"dead-{number}", "running", DEAD.labels())
    engine.remove_error = EngineError("remove", "device or resource busy")

    await sweep(engine, is_dead)

    assert engine.removals == 10


async def test_what_is_mine_goes_at_the_end(engine: FakeContainers) -> None:
    """Whatever this process has started and not removed, and nothing else."""
    engine.add("mine", "running", ME.labels())
    engine.add("my created one", "created", ME.labels())
    engine.add("sibling's", "running", SIBLING.labels())

    assert await remove_mine(engine, ME) == 2

    assert set(engine.present) == {"sibling's"}
