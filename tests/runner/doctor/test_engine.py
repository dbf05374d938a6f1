"""What is made of an engine's own words."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from pool import EngineError, EngineFacts, UnansweredError
from runner.doctor import engine
from runner.doctor.findings import Level
from tests.fakes import FakeEngine

GOOD = EngineFacts(
    version="26.1.5",
    api_version="1.45",
    architecture="x86_64",
    system="Debian GNU/Linux 13",
    kernel="6.12",
    root="/var/lib/docker",
    cgroup_version="2",
    limits_memory=True,
    limits_processes=True,
    security=("name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"),
)
CELLS = "dojo-runner-cells"


@pytest.mark.parametrize(
    ("changes", "level"),
    [
        ({}, Level.OK),
        ({"api_version": "1.41"}, Level.OK),
        ({"api_version": "1.40"}, Level.PROBLEM),
        ({"security": ("name=rootless",)}, Level.OK),
    ],
)
def test_the_engine(changes: dict[str, Any], level: Level) -> None:
    """An engine that is too old cannot do what is asked of it.

    A rootless one can, and is called so.
    """
    found = engine.engine(replace(GOOD, **changes))

    assert found.level is level
    assert found.found.startswith("26.1.5, API 1.4")
    assert found.found.endswith(", rootless") is ("security" in changes)


@pytest.mark.parametrize(
    ("changes", "level", "words"),
    [
        ({}, Level.OK, "v2, "),
        ({"cgroup_version": "1"}, Level.OK, "v1, "),
        ({"limits_memory": False}, Level.PROBLEM, "limit memory"),
        (
            {"limits_memory": False, "limits_processes": False},
            Level.PROBLEM,
            "limit memory and the number of processes",
        ),
    ],
)
def test_cgroups(changes: dict[str, Any], level: Level, words: str) -> None:
    """Without limits a learner's program could take the whole machine."""
    found = engine.cgroups(replace(GOOD, **changes))

    assert found.level is level
    assert words in found.found


@pytest.mark.parametrize(
    ("security", "level"),
    [
        (("name=seccomp,profile=default",), Level.OK),
        (("name=seccomp,profile=unconfined",), Level.PROBLEM),
        ((), Level.PROBLEM),
    ],
)
def test_seccomp(security: tuple[str, ...], level: Level) -> None:
    """An engine that filters no system calls is a problem."""
    assert engine.seccomp(replace(GOOD, security=security)).level is level


@pytest.mark.parametrize(
    ("security", "profiles", "profile", "level"),
    [
        ((), None, CELLS, Level.OK),
        ((), None, "unconfined", Level.OK),
        (("name=apparmor",), None, CELLS, Level.OK),
        (("name=apparmor",), None, "unconfined", Level.WARNING),
        (("name=apparmor",), [CELLS], CELLS, Level.OK),
        (("name=apparmor",), [CELLS], "mine", Level.WARNING),
        (("name=apparmor",), [CELLS], "unconfined", Level.WARNING),
        (("name=apparmor",), ["mine"], "mine", Level.OK),
        (("name=apparmor",), ["docker-default"], CELLS, Level.WARNING),
    ],
)
def test_apparmor(
    security: tuple[str, ...], profiles: list[str] | None, profile: str, level: Level
) -> None:
    """On a host with AppArmor cells need a profile of their own, which a setting may name. Cells
    without any profile are worth a warning.
    """
    found = engine.apparmor(replace(GOOD, security=security), profiles, profile)

    assert found.level is level
    assert profile in found.found or level is Level.OK


@pytest.mark.parametrize(("is_needed", "level"), [(True, Level.PROBLEM), (False, Level.WARNING)])
async def test_a_missing_tool_image(is_needed: bool, level: Level) -> None:
    """Without Ruby there is no colour; without the launcher there are no cells."""
    fake = FakeEngine()
    fake.images.add("tool:1")

    look = partial(engine.tool_image, fake.images, what="x", is_needed=is_needed)
    here = await look("tool:1", brings=False)
    missing = await look("tool:2", brings=False)
    brought = await look("tool:2", brings=True)

    assert here.level is Level.OK
    assert (missing.level, missing.found) == (level, "tool:2 is not on this node")
    assert brought.level is Level.OK


def test_there_is_always_something_to_do() -> None:
    """An engine that gives no reason has a log."""
    assert engine.advice_of(UnansweredError("info", "x", advice="start it")) == "start it"
    assert "log" in engine.advice_of(EngineError("info", "x"))
