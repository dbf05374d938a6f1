"""Kinds of containers, without a trial whether this node can have cells."""

from collections.abc import Callable, Collection, Sequence

from pool import ContainerSpec


class FakeKind:
    """Makes containers as `make` does, from those for a single run."""

    decided = "for ever"

    def __init__(self, make: Callable[[ContainerSpec], ContainerSpec] = lambda spec: spec) -> None:
        self._make = make

    def spec_of(
        self, spec: ContainerSpec, _overlays: Sequence[str], _there: Collection[str]
    ) -> ContainerSpec:
        """See Cells.spec_of."""
        return self._make(spec)
