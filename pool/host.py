"""What all pools of one engine share: room for containers, and cores that runs need first."""

from collections.abc import Callable, Iterable
from typing import Protocol


class Tenant(Protocol):
    """A pool, as the host sees it."""

    @property
    def warm(self) -> int:
        """How many wait for a run."""

    @property
    def under_way(self) -> int:
        """How many the engine is starting."""

    @property
    def leased(self) -> int:
        """How many are in use."""

    @property
    def wanted_s(self) -> float:
        """When its image was wanted last."""

    def let_go_of_one(self) -> None:
        """Discard a warm one."""

    def fill(self) -> None:
        """Start what is missing, if it may."""


class Host:
    """At most `limit` containers for all tenants.

    What learners use or wait for is never refused here, as admission bounds it; so above the limit
    there is none that is warm.
    """

    def __init__(self, limit: int, tenants: Callable[[], Iterable[Tenant]]) -> None:
        self.limit = limit
        self._tenants = tenants

    @property
    def running(self) -> int:
        """How many containers are in use."""
        return sum(tenant.leased for tenant in self._tenants())

    @property
    def room(self) -> int:
        """How many more fit; negative when there are too many."""
        return self.limit - sum(
            tenant.warm + tenant.under_way + tenant.leased for tenant in self._tenants()
        )

    def make_room(self, wanted: int) -> None:
        """Let go of warm ones, of the image wanted least recently first, until that many fit."""
        for _ in range(wanted - self.room):
            with_warm = [tenant for tenant in self._tenants() if tenant.warm]
            if not with_warm:
                return
            min(with_warm, key=lambda tenant: tenant.wanted_s).let_go_of_one()

    def run_ended(self) -> None:
        """Refills that waited for it may begin."""
        for tenant in list(self._tenants()):
            tenant.fill()
