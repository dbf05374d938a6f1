"""The container that an image's next run gets: decided by the image, the operator and the node."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from pool import ContainerSpec, Delivery, usual_name
from runner.container.lockdown import spec_for
from runner.container.needs import Needs, folders_there
from runner.container.profile import ImageProfile
from runner.container.roots import Roots
from runner.latest import Latest

_MOST_IMAGES = 1000


class Kind(Protocol):
    """Knows whether this node can have cells, and makes reusable containers if it can."""

    @property
    def decided(self) -> Hashable:
        """The verdict about cells. As long as it stays equal, `spec_of` answers equally."""

    def spec_of(
        self, spec: ContainerSpec, overlays: Sequence[str], there: Collection[str]
    ) -> ContainerSpec:
        """The reusable container, or `spec` itself; see Cells.spec_of."""


@dataclass(frozen=True)
class _Made:
    """A container's spec, and what it was made from."""

    spec: ContainerSpec
    profile: ImageProfile
    needs: Needs
    decided: Hashable


class Specs:
    """Decides which container a run gets.

    `roots` tells what kind of root an image needs; `kind` knows whether this node can have cells.
    A spec is made once, because to make one takes a tenth of the CPU time that the daemon spends on
    a run. It is made anew when something has changed that decided it.
    """

    def __init__(
        self,
        *,
        delivery: Delivery,
        runtime: str,
        labels: Mapping[str, str],
        roots: Roots,
        kind: Kind,
    ) -> None:
        self._delivery = delivery
        self._runtime = runtime
        self._labels = dict(labels)
        self._roots = roots
        self._kind = kind
        self._made: Latest[str, _Made] = Latest(_MOST_IMAGES)  # by the image's usual name

    def of(self, image_name: str, profile: ImageProfile) -> ContainerSpec:
        """The container for the next run, of the kind that the image needs and the node has."""
        name = usual_name(image_name)
        needs, decided = self._roots.needs_of(name, profile), self._kind.decided
        made = self._made.get(name)
        # An unchanged image has one profile, so that need not be compared word by word.
        if (
            made is None
            or made.profile is not profile
            or (made.needs, made.decided) != (needs, decided)
        ):
            made = _Made(self._make(name, profile, needs), profile, needs, decided)
            self._made[name] = made
        return made.spec

    def single_use(self, image_name: str, profile: ImageProfile) -> ContainerSpec:
        """The container for one run, with a read-only root, whatever the image needs."""
        spec = spec_for(usual_name(image_name), profile, self._delivery, self._labels)
        return replace(spec, runtime=self._runtime)

    def _make(self, name: str, profile: ImageProfile, needs: Needs) -> ContainerSpec:
        single = self.single_use(name, profile)
        if needs.in_cells:
            overlays = (*needs.overlays, *profile.survey.overlays)
            in_cells = self._kind.spec_of(single, overlays, folders_there(profile))
            if in_cells.reusable:
                return in_cells
        return replace(single, read_only=not needs.writable_root)
