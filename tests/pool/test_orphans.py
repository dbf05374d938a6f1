"""Whose containers may be removed: the dead's, never a living sibling's."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pool import ContainerSpec, EngineError, Owner, Seen, Sweeper, remove_mine, this_process
from pool.orphans import (
    NEVER_STARTED_S,
    NOT_STARTED_S,
    OWNER_LABEL,
    REMOVALS_AT_ONCE,
    REPLICA_LABEL,
    SERVICE_LABEL,
    is_orphan,
    is_provably_dead,
)
from tests.fakes import FakeContainers
from tests.fakes.stream import FakeStream

from .conftest import Clock, settle

NOW_S = 1_700_000_000
ME = Owner("here", "boot/pid:[1]/10/100")
DEAD = Owner("here", "boot/pid:[1]/9/90")
SIBLING = Owner("there", "boot/pid:[2]/7/70")


def is_dead(process: str) -> bool:
    """Whether a process is dead; only DEAD is."""
    return process == DEAD.process


def seen(owner: Owner, state: str = "running", age_s: int | None = 0) -> Seen:
    """A container of that owner."""
    created_s = None if age_s is None else NOW_S - age_s
    return Seen("id", "name", state, owner.labels(), created_s)


async def never_ready(spec: ContainerSpec, stream: FakeStream) -> None:
    """A program that waits for the end of its stdin, and says nothing."""
    await stream.stdin.read()


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
    """The name of a process."""
    ours = this_process().process
    space, _, _ = ours.rpartition("]/")
    with open(f"/proc/{pid}/stat") as stat:
        started = stat.read().rpartition(")")[2].split()[19]
    return f"{space}]/{pid}/{started}"


def sweeper(engine: FakeContainers, *books: str, clock: Clock | None = None) -> Sweeper:
    """My sweeper; `books` are the ids that I know of."""
    in_books = {"mine", *books}.__contains__
    return Sweeper(engine, ME, in_books, is_dead=is_dead, now_s=clock or Clock())


# Who is dead


def test_this_process_is_alive() -> None:
    """A process is not dead for itself."""
    assert not is_provably_dead(this_process().process)


def test_another_living_process_is_alive() -> None:
    """A sibling on this host is left alone."""
    with another_process() as process:
        assert not is_provably_dead(name_of(process.pid))


def test_a_process_that_ended_is_dead() -> None:
    """A process counts as dead when no process has its id, or another one has."""
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
    """A process with the same id and another start time is another process."""
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
        this_process().process.rpartition("]/")[0] + "]/" + "9" * 5000 + "/1",
    ],
    ids=[
        *("nothing", "nonsense", "another boot", "another namespace", "no number", "a path"),
        "a number without end",
    ],
)
def test_who_cannot_be_seen_from_here_is_not_provably_dead(name: str) -> None:
    """Another boot, another namespace, or no name of ours at all: no proof."""
    assert not is_provably_dead(name)


# The rule


@pytest.mark.parametrize("state", ["created", "running"])
def test_ours_are_for_our_pools_to_judge(state: str) -> None:
    """A container that this very process started is no orphan as long as it has not ended."""
    assert not is_orphan(seen(ME, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["created", "running", "paused", "exited"])
def test_the_deads_are_orphans(state: str) -> None:
    """All containers of a dead process may be removed."""
    assert is_orphan(seen(DEAD, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["created", "running", "paused"])
def test_a_siblings_are_left_alone(state: str) -> None:
    """A container whose process cannot be proved dead is left alone."""
    assert not is_orphan(seen(SIBLING, state), is_dead, NOW_S)


@pytest.mark.parametrize("state", ["exited", "dead"])
@pytest.mark.parametrize("owner", [ME, SIBLING])
def test_what_has_ended_is_an_orphan(owner: Owner, state: str) -> None:
    """A container that has ended is an orphan, whatever process started it, as its
    removal has failed.
    """
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
    """A container of unknown age is left alone, unless its owner is dead."""
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
    """A replica without a name is called after its host."""
    assert this_process("blue").replica == "blue"
    assert this_process().replica == os.uname().nodename


# The sweep


async def test_the_sweep_removes_orphans_only(engine: FakeContainers) -> None:
    """The dead's go; ours, a sibling's and strangers' stay."""
    engine.add("mine", "running", ME.labels())
    engine.add("dead's", "running", DEAD.labels())
    engine.add("sibling's", "running", SIBLING.labels())
    engine.add("stranger's", "exited", {"some": "label"})

    assert await sweeper(engine).sweep() == 1

    assert set(engine.present) == {"mine", "sibling's", "stranger's"}


async def test_the_sweep_knows_the_time(engine: FakeContainers) -> None:
    """The sweep removes a container that was created long ago and never started,
    whosever it was.
    """
    engine.add("sibling's", "created", SIBLING.labels(), created_s=int(time.time()))
    engine.add("forgotten", "created", SIBLING.labels(), created_s=int(time.time()) - 3600)

    assert await sweeper(engine).sweep() == 1

    assert set(engine.present) == {"sibling's"}


async def test_the_sweep_goes_on_past_what_will_not_go(engine: FakeContainers) -> None:
    """A removal that fails is left to the next sweep; all others are tried."""
    for number in range(10):
        engine.add(f"dead-{number}", "running", DEAD.labels())
    engine.remove_error = EngineError("remove", "device or resource busy")

    await sweeper(engine).sweep()

    assert engine.removals == 10


# Our own, in no books


async def test_what_is_ours_and_in_no_books_goes(engine: FakeContainers) -> None:
    """A container of this process that runs, and that no part of it knows, is removed: the engine
    was restarted under it, or an earlier removal has failed.
    """
    for name in ("mine", "leased", "lost", "not removed"):
        engine.add(name, "running", ME.labels())
    engine.add("sibling's", "running", SIBLING.labels())

    assert await sweeper(engine, "leased").sweep() == 2

    assert set(engine.present) == {"mine", "leased", "sibling's"}


async def test_what_is_being_made_is_left_alone(engine: FakeContainers) -> None:
    """A container is in nobody's books until its start is over; until then no sweep takes it."""
    engine.programs = {"": never_ready}
    spec = ContainerSpec("", "", ("",), b"ready", "", labels=ME.labels())
    start = asyncio.create_task(engine.start(spec))
    await settle()
    assert engine.present

    assert await sweeper(engine).sweep() == 0
    start.cancel()
    await asyncio.wait([start])

    assert not engine.present


async def test_what_is_being_removed_is_not_removed_again(engine: FakeContainers) -> None:
    """A removal that takes its time is nobody's failure, and no sweep counts it."""
    engine.add("going", "running", ME.labels())
    engine.may_remove.clear()
    removal = asyncio.create_task(engine.remove("going"))
    await settle()
    assert engine.removed

    assert await sweeper(engine).sweep() == 0
    engine.may_remove.set()
    await removal


async def test_ours_that_did_not_start_goes_soon(engine: FakeContainers) -> None:
    """A container of ours that never started is removed soon.

    It is left only as long as a look into its image may take.
    """
    clock = Clock()
    mine = sweeper(engine, clock=clock)
    engine.add("looked through", "created", ME.labels())
    engine.add("sibling's", "created", SIBLING.labels())

    assert await mine.sweep() == 0
    clock.advance(NOT_STARTED_S)
    assert await mine.sweep() == 0
    clock.advance(0.1)
    assert await mine.sweep() == 1

    assert set(engine.present) == {"sibling's"}


async def test_only_so_many_containers_are_removed_at_once(engine: FakeContainers) -> None:
    """A hundred containers that are to go cost the engine, and runs, little at a time."""
    for number in range(3 * REMOVALS_AT_ONCE):
        engine.add(f"mine-{number}", "running", ME.labels())
    engine.may_remove.clear()
    removing = asyncio.create_task(remove_mine(engine, ME))
    for _ in range(100):
        await asyncio.sleep(0)
    under_way = engine.removals
    engine.may_remove.set()
    await removing

    assert (under_way, engine.present) == (REMOVALS_AT_ONCE, {})


async def test_what_is_mine_goes_at_the_end(engine: FakeContainers) -> None:
    """The containers that this process has started are removed, and no others."""
    engine.add("mine", "running", ME.labels())
    engine.add("my created one", "created", ME.labels())
    engine.add("sibling's", "running", SIBLING.labels())

    assert await remove_mine(engine, ME) == 2

    assert set(engine.present) == {"sibling's"}
