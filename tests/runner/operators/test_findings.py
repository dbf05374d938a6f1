"""What is wrong, why, and what to do: each trouble that operators must see has its words."""

import re
from pathlib import Path
from typing import Any

import pytest

from runner.operators.findings import MOST_FINDINGS, Finding, Level, findings
from runner.operators.neighbours import Neighbour
from runner.operators.replica_view import ReplicaView, view_of

WELL: dict[str, Any] = {
    "status": "ok",
    "replica": "a:4597",
    "uptime_s": 100.0,
    "engine": {"answers": True, "listening": True},
    "running": 3,
    "colours": {"can_be_told": True},
    "images": {"gcc:1": {"warm": 2, "target": 2}},
}
OPERATIONS = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()


def view(**fields: Any) -> ReplicaView:
    """A replica that is well but for these fields."""
    return view_of({**WELL, **fields})


def found(neighbours: dict[str, Neighbour] | None = None, **fields: Any) -> tuple[Finding, ...]:
    """The findings of such a replica."""
    return findings(view(**fields), neighbours or {})


def test_a_replica_that_is_well_has_no_findings() -> None:
    """Nothing to do is said by saying nothing."""
    assert found() == ()


TROUBLES: list[tuple[Level, str, dict[str, Any]]] = [
    (Level.BAD, "engine does not answer", {"engine": {"answers": False}}),
    (
        Level.BAD,
        "Colours cannot be told",
        {"colours": {"can_be_told": False, "last_error": "No such image"}},
    ),
    (Level.BAD, "gcc:1 do not start", {"images": {"gcc:1": {"last_error": "no bash"}}}),
    (Level.WARN, "gcc:1 do not start", {"images": {"gcc:1": {"warm": 1, "last_error": "x"}}}),
    (
        Level.BAD,
        "disk is full",
        {"images": {"gcc:1": {"last_error": "write /x: no space left on device"}}},
    ),
    (Level.WARN, "x:1 is not here", {"pulls": {"x:1": {"attempts": 3, "last_error": "denied"}}}),
    (Level.WARN, "x:1 is not here", {"pulls": {"x:1": {"since_s": 1000.0}}}),
    (Level.NOTE, "1 run waits", {"queued": 1}),
    (Level.NOTE, "2 runs wait", {"queued": 2}),
    (Level.WARN, "27 runs wait", {"queued": 27}),
    (Level.NOTE, "draining", {"status": "draining"}),
    (
        Level.WARN,
        "Cells cannot be had",
        {"reuse": {"wanted": "cells", "kind": "single use", "why_no_cells": "AppArmor"}},
    ),
    (
        Level.NOTE,
        "Cells cannot be had",
        {"reuse": {"wanted": "auto", "kind": "single use", "why_no_cells": "AppArmor"}},
    ),
    (Level.WARN, "“upkeep” has failed", {"loops": {"upkeep": {"is_running": False}}}),
    (
        Level.WARN,
        "sibling at b:1 does not answer",
        {"siblings": [{"address": "b:1", "last_error": "refused"}]},
    ),
]


@pytest.mark.parametrize(("level", "what", "fields"), TROUBLES)
def test_each_trouble_is_found(level: Level, what: str, fields: dict[str, Any]) -> None:
    """The finding of each trouble says what is so, why, and what to do about it."""
    first = found(**fields)[0]

    assert (first.level, what in first.what) == (level, True), first
    assert first.why or "loops" in fields
    assert first.do


@pytest.mark.parametrize("fields", [fields for _, _, fields in TROUBLES])
def test_each_finding_is_explained_in_the_docs(fields: dict[str, Any]) -> None:
    """The heading that a finding names is one of docs/operations.md."""
    for finding in found(**fields):
        assert re.search(rf"^##+ {re.escape(finding.docs)}$", OPERATIONS, re.MULTILINE)


def test_a_sibling_that_tells_nothing_is_found() -> None:
    """The page asks siblings itself, and says once of each what came of it."""
    told = [{"address": "b:1", "last_error": "refused"}]
    both = found({"b:1": Neighbour(trouble="no answer within 1.5 s")}, siblings=told)

    assert [(one.level, one.why) for one in both] == [(Level.WARN, "no answer within 1.5 s")]


def test_an_engine_that_is_away_is_the_only_fault() -> None:
    """No image is blamed for it, and colours are not said to be missing as well."""
    fields: dict[str, Any] = {
        "images": {"gcc:1": {"last_error": "cannot connect"}},
        "colours": {"can_be_told": False},
    }

    assert len(found(engine={"answers": False}, **fields)) == 1


def test_a_full_disk_is_the_only_fault() -> None:
    """The images that could not start are not blamed: they lack only room."""
    full = {"last_error": "mkdir /var/lib/docker/x: no space left on device"}

    (only,) = found(images={"gcc:1": full, "ruby:1": full})
    assert "disk is full" in only.what


def test_many_images_that_fail_are_few_findings() -> None:
    """The banner stays short, and the worst comes first."""
    images = {f"gcc:{number}": {"last_error": "x"} for number in range(50)}
    pulls = {f"x:{number}": {"last_error": "x"} for number in range(50)}
    many = found(images=images, pulls=pulls, queued=1)

    assert len(many) == MOST_FINDINGS
    assert "47 more images" in many[3].what
    assert [one.level for one in many] == sorted((one.level for one in many), key=list(Level).index)
