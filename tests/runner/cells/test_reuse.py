"""Cells where they can be had, containers for one run where not; on an engine in memory."""

from collections.abc import Mapping
from typing import Any

import pytest

from pool import ContainerSpec, EngineError
from runner.cells import cells
from runner.cells.cells import APPARMOR_PROFILE
from runner.cells.lockdown import LAUNCHER_FOLDER
from tests.conftest import FAKE_IMAGE, ServeFake
from tests.fakes import FakeEngine, FakeStream
from tests.serving import Served
from tests.waiting import eventually

LAUNCHER = "dojo-runner/launcher:latest"
IN_CELLS = "each run gets a cell of its own in a container that serves many"
GO_ON = "a trial of cells failed: runs still get cells"
ALONE = "cells cannot be had: each run gets a container of its own"
Events = list[dict[str, Any]]


async def reuse(http: Served, kind: str) -> Mapping[str, Any]:
    """What `/health` says of reuse, once it says that kind."""

    async def said() -> Mapping[str, Any]:
        return dict((await http.ask("/health", verb="GET")).body["reuse"])

    return await eventually(said, lambda reuse: reuse["kind"] == kind)


async def pool_of(http: Served) -> Mapping[str, Any]:
    """The health of the fake image's pool."""
    return dict((await http.ask("/health", verb="GET")).body["images"][FAKE_IMAGE])


async def test_one_container_serves_run_after_run(serve_fake: ServeFake, logs: Events) -> None:
    """One container serves several runs, and `/health` says so."""
    async with serve_fake(reuse="cells") as http:
        await http.until_ready()
        for number in range(5):
            result = await http.run(f"echo {number} >new")
            assert result["created"]["new"]["content"] == f"{number}\n"

        async def is_back() -> Mapping[str, Any]:
            return await pool_of(http)

        pool = await eventually(is_back, lambda pool: pool["warm"] == pool["target"])
        assert (pool["starts"], pool["resets"], pool["mode"]) == (1, 5, "cells")
        assert await reuse(http, "cells") == {
            "wanted": "cells",
            "kind": "cells",
            "why_no_cells": "",
            "failed_trials": 0,
        }
        metrics = await (await http.session.get(f"{http.url}/metrics")).text()
    assert "runner_cells 1.0" in metrics
    assert f'runner_pool_resets_total{{image="{FAKE_IMAGE}"}} 5.0' in metrics
    assert [event["level"] for event in logs if event["message"] == IN_CELLS] == ["INFO"]


async def test_a_run_that_timed_out_takes_its_container_along(serve_fake: ServeFake) -> None:
    """The container of a run that timed out is removed, with the reason and its number of runs."""
    async with serve_fake(reuse="cells") as http:
        await http.until_ready()
        await http.run("true")
        assert (await http.run("sleep 9", max_seconds=1))["outcome"] == "timed_out"
        assert (await http.run("true"))["outcome"] == "green"

        pool = await pool_of(http)
        assert pool["discards"] == {"the run timed out": 1}
        assert (pool["discarded_after_runs"], pool["runs_of_discarded"]) == (1, 2)
        metrics = await (await http.session.get(f"{http.url}/metrics")).text()
    assert f'runner_container_runs_count{{image="{FAKE_IMAGE}"}} 1.0' in metrics
    assert f'runner_container_runs_sum{{image="{FAKE_IMAGE}"}} 2.0' in metrics


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"reuse": "never"}, "not wanted"),
        ({"reuse": "auto", "delivery": "exec"}, "cells are for attach delivery only"),
        ({"reuse": "auto"}, f"{LAUNCHER} is not on this node"),
    ],
)
async def test_containers_for_one_run(
    serve_fake: ServeFake, settings: dict[str, Any], why: str
) -> None:
    """Where there can be no cells runs go on, and `/health` says why."""
    async with serve_fake(**settings) as http:
        await http.until_ready()
        if "delivery" not in settings:
            assert (await http.run("true"))["outcome"] == "green"
            assert (await pool_of(http))["discards"] == {"single use": 1}

        assert (await reuse(http, "single use"))["why_no_cells"] == why


async def _no_cells(_spec: ContainerSpec, stream: FakeStream) -> None:
    stream.complaints = "no cell: Operation not permitted"


@pytest.mark.parametrize(("wanted", "level"), [("auto", "WARNING"), ("cells", "ERROR")])
async def test_an_engine_that_forbids_cells(
    serve_fake: ServeFake, logs: Events, wanted: str, level: str
) -> None:
    """The daemon finds out by a trial that there can be no cells.

    It logs one line, and goes on with single use.
    """
    engine = FakeEngine()
    engine.images.add(LAUNCHER)
    engine.containers.programs["/.dojo/cells"] = _no_cells
    async with serve_fake(engine, reuse=wanted) as http:
        await http.until_ready()
        assert (await http.run("true"))["outcome"] == "green"
        assert (await pool_of(http))["mode"] == "read-only"
        engine.images.add("some/other:1")  # images change: what was tried is not tried again
        assert (await http.run("true"))["outcome"] == "green"

        said = await reuse(http, "single use")
    assert said["why_no_cells"] == "no cell: Operation not permitted; exited (137)"
    troubles = [event for event in logs if event["level"] in ("WARNING", "ERROR")]
    assert [(event["level"], event["message"]) for event in troubles] == [(level, ALONE)]
    # One that was filled by halves is not kept.
    assert engine.images.volumes == {}


async def test_what_went_wrong_under_the_profile_is_said(serve_fake: ServeFake) -> None:
    """Where the profile is loaded, and the launcher fails under it for another reason than without
    it, `/health` tells both: an operator who has loaded the profile looks no longer for that.
    """
    engine = FakeEngine()
    engine.images.add(LAUNCHER)

    async def fails(spec: ContainerSpec, stream: FakeStream) -> None:
        is_loaded = f"apparmor={APPARMOR_PROFILE}" in spec.security_opt
        stream.complaints = "the cell said something else" if is_loaded else "no cell: denied"

    engine.containers.programs["/.dojo/cells"] = fails
    async with serve_fake(engine, reuse="auto") as http:
        await http.until_ready()
        said = await reuse(http, "single use")

    assert said["why_no_cells"] == (
        "no cell: denied; exited (137); under the AppArmor profile dojo-runner-cells: "
        "the cell said something else; exited (137)"
    )


@pytest.mark.parametrize("setting", ["", "mine"])
async def test_the_apparmor_profile_is_found_by_trying(
    serve_fake: ServeFake, logs: Events, setting: str
) -> None:
    """Where the engine's own profile forbids cells the project's is tried, or else the setting's;
    every container of cells is then under the one that works. What was tried before is no error.
    """
    engine = FakeEngine()
    engine.images.add(LAUNCHER)
    works = engine.containers.programs["/.dojo/cells"]

    async def under_a_profile(spec: ContainerSpec, stream: FakeStream) -> None:
        if f"apparmor={setting or APPARMOR_PROFILE}" in spec.security_opt:
            await works(spec, stream)
        else:
            stream.complaints = "no cell: Permission denied"

    engine.containers.programs["/.dojo/cells"] = under_a_profile
    async with serve_fake(engine, reuse="auto", apparmor=setting) as http:
        await reuse(http, "cells")
        assert (await http.run("true"))["outcome"] == "green"
        tried = [_profiles(spec) for spec in engine.containers.asked if spec.most_runs > 1]

    assert tried
    assert {tuple(found) for found in tried} == {(setting or APPARMOR_PROFILE,)}
    assert [event for event in logs if event["level"] in ("WARNING", "ERROR")] == []


async def test_cells_without_apparmor_are_a_warning(serve_fake: ServeFake, logs: Events) -> None:
    """An operator who wants no profile for cells gets what he asks for, and one warning."""
    async with serve_fake(reuse="cells", apparmor="unconfined") as http:
        await reuse(http, "cells")

    troubles = [event for event in logs if event["level"] in ("WARNING", "ERROR")]
    assert [event["message"] for event in troubles] == [
        "AppArmor is off for cells, because CYBER_DOJO_RUNNER_APPARMOR is unconfined"
    ]


async def test_without_apparmor_no_profile_is_named(serve_fake: ServeFake) -> None:
    """Where cells work as it is the engine's own profile stays."""
    async with serve_fake(reuse="cells") as http:
        await http.until_ready()
        assert (await http.run("true"))["outcome"] == "green"
        assert http.fake is not None

        assert [_profiles(spec) for spec in http.fake.containers.asked if _profiles(spec)] == []


def _profiles(spec: ContainerSpec) -> list[str]:
    words = [word for word in spec.security_opt if word.startswith("apparmor=")]
    return [word.removeprefix("apparmor=") for word in words]


async def test_a_trial_that_failed_is_made_again(serve_fake: ServeFake) -> None:
    """An engine that stumbled once does not switch cells off: the same launcher is tried again;
    until then `/health` counts the failures.
    """
    engine = FakeEngine()
    engine.images.add(LAUNCHER)
    works = engine.containers.programs["/.dojo/cells"]
    engine.containers.programs["/.dojo/cells"] = _no_cells
    async with serve_fake(engine, reuse="auto") as http:
        failed = await eventually(lambda: _reuse(http), lambda told: told["failed_trials"])
        engine.containers.programs["/.dojo/cells"] = works

        assert failed["why_no_cells"].startswith("no cell")
        assert (await reuse(http, "cells"))["failed_trials"] == 0


async def test_a_trial_is_made_again_at_once_when_an_operator_says_so(
    serve_fake: ServeFake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has mended the host need not wait for the end of a pause."""
    monkeypatch.setattr(cells, "FIRST_PAUSE_S", 600.0)
    engine = FakeEngine()
    engine.images.add(LAUNCHER)
    works = engine.containers.programs["/.dojo/cells"]
    engine.containers.programs["/.dojo/cells"] = _no_cells
    async with serve_fake(engine, reuse="auto") as http:
        await eventually(lambda: _reuse(http), lambda told: told["failed_trials"])
        engine.containers.programs["/.dojo/cells"] = works
        http.service.try_again()

        assert (await reuse(http, "cells"))["kind"] == "cells"


async def test_an_engine_that_stumbles_does_not_switch_cells_off(
    serve_fake: ServeFake, logs: Events
) -> None:
    """Where cells have worked, a trial that fails by the engine's own trouble decides nothing: runs
    go on in cells, the log says why the trial failed, and the trial is made again.
    """
    engine = FakeEngine()
    async with serve_fake(engine, reuse="cells") as http:
        await http.until_ready()
        there = engine.containers
        [shows] = there.of_image(LAUNCHER)
        there.start_error = EngineError("create", "internal error", status=500)
        there.kill(shows.container_id)
        failed = await eventually(lambda: _reuse(http), lambda told: told["failed_trials"])

        assert failed["kind"] == "cells"
        assert engine.images.volumes
        there.start_error = None
        well = await eventually(lambda: _reuse(http), lambda told: not told["failed_trials"])
        assert well["kind"] == "cells"
    reasons = [event["reason"] for event in logs if event["message"] == GO_ON]
    assert reasons
    assert set(reasons) == {"internal error"}


async def _reuse(http: Served) -> Mapping[str, Any]:
    return dict((await http.ask("/health", verb="GET")).body["reuse"])


async def test_the_launcher_comes_later(serve_fake: ServeFake) -> None:
    """Once the launcher is there, containers for one run give way to those for many."""
    async with serve_fake(reuse="auto") as http:
        await http.until_ready()
        await http.run("true")
        assert http.fake is not None
        http.fake.images.add(LAUNCHER)
        await reuse(http, "cells")
        await http.run("true")

        assert (await pool_of(http))["mode"] == "cells"


async def test_the_container_that_shows_it_is_replaced(serve_fake: ServeFake) -> None:
    """When the container that shows it ends, cells go on, and the volume stays in use."""
    async with serve_fake(reuse="cells") as http:
        await http.until_ready()
        assert http.fake is not None
        there = http.fake.containers
        [shows] = there.of_image(LAUNCHER)
        assert shows.spec.named_volumes == {LAUNCHER_FOLDER: next(iter(http.fake.images.volumes))}
        there.kill(shows.container_id)

        async def another() -> list[str]:
            return [one.container_id for one in there.of_image(LAUNCHER)]

        await eventually(another, lambda ids: len(ids) == 1 and ids != [shows.container_id])
        assert (await reuse(http, "cells"))["kind"] == "cells"
