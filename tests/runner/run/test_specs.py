"""Which container a run gets, and when that is decided anew."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pool import ContainerSpec, Delivery
from runner.container.profile import Home, ImageProfile
from runner.container.roots import Roots
from runner.run.specs import Specs

NAME = "gcc:latest"
PROFILE = ImageProfile("sha256:1", Home.COPIED, None)


class Kind:
    """Counts what it is asked for; each of its verdicts makes containers for so many runs."""

    def __init__(self, most_runs: int) -> None:
        self.decided = most_runs
        self.asked = 0

    def spec_of(
        self, spec: ContainerSpec, _overlays: Sequence[str], _there: Collection[str]
    ) -> ContainerSpec:
        """A container for as many runs as the verdict says."""
        self.asked += 1
        return replace(spec, most_runs=self.decided)


def specs(kind: Kind, **roots: Any) -> Specs:
    """Decides for a node whose operator has said this about roots."""
    return Specs(
        delivery=Delivery.ATTACH, runtime="runsc", labels={}, roots=Roots(**roots), kind=kind
    )


def test_a_spec_is_made_once() -> None:
    """The daemon makes a spec for the first run of an image, and not again for the others."""
    kind = Kind(500)
    decide = specs(kind)

    first = decide.of(NAME, PROFILE)

    assert decide.of("gcc", PROFILE) is first
    assert decide.of("docker.io/library/gcc", PROFILE) is first
    assert (first.image, first.most_runs, first.runtime) == (NAME, 500, "runsc")
    assert kind.asked == 1


def test_another_image_gets_another_spec() -> None:
    """Neither another name nor what was built anew under the same name gets a spec of before."""
    decide = specs(Kind(500))

    first = decide.of(NAME, PROFILE)

    assert decide.of(NAME, replace(PROFILE, image_id="sha256:2")).image_id == "sha256:2"
    assert decide.of("clang", PROFILE).image == "clang:latest"
    assert decide.of(NAME, PROFILE) == first


@pytest.mark.parametrize(("before", "after"), [(500, 1), (1, 500), (500, 300)])
def test_a_verdict_about_cells_holds_from_the_next_run_on(before: int, after: int) -> None:
    """When cells come or go, or are made otherwise, the next run gets a container of that kind."""
    kind = Kind(before)
    decide = specs(kind)
    decide.of(NAME, PROFILE)

    kind.decided = after

    assert decide.of(NAME, PROFILE).most_runs == after


def test_a_writable_root_that_is_found_out_holds_from_the_next_run_on() -> None:
    """After a run has shown that an image needs a writable root, the next run gets one."""
    roots = Roots()
    decide = Specs(delivery=Delivery.ATTACH, runtime="", labels={}, roots=roots, kind=Kind(500))
    assert decide.of(NAME, PROFILE).reusable

    roots.tried(NAME, PROFILE, changed=True)

    found = decide.of(NAME, PROFILE)
    assert (found.reusable, found.read_only) == (False, False)


def test_a_root_that_is_pinned_as_writable() -> None:
    """An image that an operator pins to a writable root gets a container for each run."""
    found = specs(Kind(500), writable=("gcc",)).of(NAME, PROFILE)

    assert (found.reusable, found.read_only) == (False, False)


def test_the_container_for_a_single_run_is_read_only_whatever_was_decided() -> None:
    """A run is first made, and measured, on a read-only root."""
    found = specs(Kind(500), writable=("gcc",)).single_use("gcc", PROFILE)

    assert (found.image, found.reusable, found.read_only) == (NAME, False, True)
