"""The service's parts that are made of its settings and of little else."""

import time
from collections.abc import Callable

from pool import Networks, Owner, Pools, PoolSettings, Supervisor
from runner.cells.cells import Cells
from runner.colour.traffic_light import TrafficLight
from runner.container.images import Images
from runner.container.roots import Roots
from runner.container.surveyor import Surveyor
from runner.engine.engines import Engines
from runner.engine.network_holders import NetworkHolders
from runner.engine.own_image import read_own_container_id
from runner.engine.tool_images import ToolImages, tools_named
from runner.operators.limits import runs_at_once
from runner.run.specs import Specs
from runner.settings import MIB, Settings, WritableRoots
from runner.siblings.siblings import Siblings
from runner.siblings.teller import Standing

# A run asks for its colour and for its hidden files at the same time. Each run has places for both,
# so that none waits because the lambdas of others are slow.
QUESTIONS_OF_A_RUN = 2


class Parts:
    """Makes the parts of one service. As many runs as there are `places` go on at once.

    `tool_images` has the images of the service's own containers: with Ruby, and with the launcher.
    """

    def __init__(
        self, settings: Settings, owner: Owner, engines: Engines, supervisor: Supervisor
    ) -> None:
        self.places = runs_at_once(settings)
        tools = tools_named(ruby_image=settings.ruby_image, launcher_image=settings.launcher_image)
        self.tool_images = ToolImages(engines.images, read_own_container_id(), tools)
        self._settings = settings
        self._owner = owner
        self._engines = engines
        self._supervisor = supervisor
        engines.log.on_trial = settings.launcher_image

    def pools(self, *, taken: Callable[[str], None]) -> Pools:
        """Make the pools, within the limits of the settings; `taken` is told of every take."""
        settings = self._settings
        limits = PoolSettings(
            sizes=settings.sizes,
            host_containers=settings.host_containers,
            host_memory_bytes=settings.host_memory_mib * MIB,
            leases_at_once=self.places,
            forget_s=settings.forget_s,
            refills_at_once=settings.refills_at_once,
        )
        return Pools(
            self._engines.containers,
            limits,
            supervisor=self._supervisor,
            taken=taken,
            started=self._engines.log.started,
        )

    def images(
        self,
        *,
        changed: Callable[[], None],
        pulled: Callable[[str], None],
        listening: Callable[[bool], None],
    ) -> Images:
        """Make Images, which knows the images on this node; see there for the callbacks."""
        settings = self._settings
        surveyor = Surveyor(
            self._engines.containers,
            overlays=settings.reuse_overlays,
            labels=self._owner.labels(),
            runtime=settings.runtime,
        )
        return Images(
            self._engines.images,
            surveyor=surveyor.survey,
            pulls_at_once=settings.pulls_at_once,
            pulls_queue=settings.pulls_queue,
            changed=changed,
            pulled=pulled,
            listening=listening,
            supervisor=self._supervisor,
        )

    def siblings(self, standing: Callable[[str], Standing | None]) -> Siblings:
        """Make Siblings, which tells the other replicas of takes, with an image's `standing`."""
        settings = self._settings
        return Siblings(
            settings.siblings,
            told=settings.siblings_told,
            replica=self._owner.replica,
            secret=settings.secret.get_secret_value(),
            standing=standing,
            supervisor=self._supervisor,
        )

    def roots(self) -> Roots:
        """Make Roots, which knows which images get a writable root."""
        settings = self._settings
        return Roots(
            allowed=settings.writable_roots is not WritableRoots.NEVER,
            read_only=settings.read_only_root_images,
            writable=settings.writable_root_images,
        )

    def specs(self, roots: Roots, cells: Cells) -> Specs:
        """Make Specs, which decides which container a run gets."""
        return Specs(
            delivery=self._settings.delivery,
            runtime=self._settings.runtime,
            labels=self._owner.labels(),
            roots=roots,
            kind=cells,
        )

    def traffic_light(self) -> TrafficLight:
        """Make the traffic light, which tells colours."""
        return TrafficLight(
            self._engines.containers,
            self.tool_images,
            self._settings.ruby_image,
            self._owner.labels(),
            self._supervisor,
            places=QUESTIONS_OF_A_RUN * self.places,
        )

    def cells(self, *, decided: Callable[[], None]) -> Cells:
        """Make Cells, which tries whether cells can be had; it calls `decided` at each verdict."""
        settings = self._settings
        return Cells(
            self._engines.containers,
            self.tool_images,
            wanted=settings.reuse,
            delivery=settings.delivery,
            runtime=settings.runtime,
            launcher_image=settings.launcher_image,
            most_runs=settings.reuse_most_runs,
            apparmor=settings.apparmor,
            labels=self._owner.labels(),
            decided=decided,
            supervisor=self._supervisor,
        )

    def network_holders(self) -> NetworkHolders:
        """Make NetworkHolders, which keeps containers that lend networks.

        By default there are at most as many holders as runs at once.
        """
        settings = self._settings
        most = self.places if settings.network_holders is None else settings.network_holders
        networks = self._engines.networks
        return NetworkHolders(
            self._engines.containers,
            self.tool_images,
            networks or Networks(),
            most=most if networks else 0,
            image=settings.launcher_image,
            runtime=settings.runtime,
            labels=self._owner.labels(),
            supervisor=self._supervisor,
        )


def standing(pools: Pools, image: str) -> Standing | None:
    """What siblings are told of an image's state here; None if it has no pool."""
    pool, now_s = pools.get(image), time.monotonic()
    if pool is None:
        return None
    demand = pool.demand
    return Standing(demand.taken.at(now_s), demand.started.at(now_s), pool.warm, pool.target)
