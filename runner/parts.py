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
from runner.engine.own_image import OrOwnImage
from runner.settings import MIB, Settings, WritableRoots
from runner.siblings.siblings import Siblings
from runner.siblings.teller import Standing

# A run asks for its colour and for its hidden files at the same time. Each run has places for both,
# so that none waits because the lambdas of others are slow.
QUESTIONS_OF_A_RUN = 2


def pool_settings_of(settings: Settings, places: int) -> PoolSettings:
    """The limits of the pools, when as many runs as there are places use containers at once."""
    return PoolSettings(
        sizes=settings.sizes,
        host_containers=settings.host_containers,
        host_memory_bytes=settings.host_memory_mib * MIB,
        leases_at_once=places,
        forget_s=settings.forget_s,
        refills_at_once=settings.refills_at_once,
    )


def images_of(
    settings: Settings,
    owner: Owner,
    engines: Engines,
    *,
    changed: Callable[[], None],
    pulled: Callable[[str], None],
    listening: Callable[[bool], None],
    supervisor: Supervisor,
) -> Images:
    """Make what knows the images on this node; see Images for the callbacks."""
    surveyor = Surveyor(
        engines.containers,
        overlays=settings.reuse_overlays,
        labels=owner.labels(),
        runtime=settings.runtime,
    )
    return Images(
        engines.images,
        surveyor=surveyor.survey,
        pulls_at_once=settings.pulls_at_once,
        pulls_queue=settings.pulls_queue,
        changed=changed,
        pulled=pulled,
        listening=listening,
        supervisor=supervisor,
    )


def siblings_of(
    settings: Settings,
    owner: Owner,
    *,
    standing: Callable[[str], Standing | None],
    supervisor: Supervisor,
) -> Siblings:
    """Make what tells the other replicas of takes, and how an image stands here."""
    return Siblings(
        settings.siblings,
        told=settings.siblings_told,
        replica=owner.replica,
        secret=settings.secret.get_secret_value(),
        standing=standing,
        supervisor=supervisor,
    )


def roots_of(settings: Settings) -> Roots:
    """Make what knows which images get a writable root."""
    return Roots(
        allowed=settings.writable_roots is not WritableRoots.NEVER,
        read_only=settings.read_only_root_images,
        writable=settings.writable_root_images,
    )


def traffic_light_of(
    settings: Settings,
    owner: Owner,
    engines: Engines,
    *,
    images: OrOwnImage,
    supervisor: Supervisor,
    places: int,
) -> TrafficLight:
    """Make what tells colours, for as many runs at once as there are places."""
    return TrafficLight(
        engines.containers,
        images,
        settings.ruby_image,
        owner.labels(),
        supervisor,
        places=QUESTIONS_OF_A_RUN * places,
    )


def cells_of(
    settings: Settings,
    owner: Owner,
    engines: Engines,
    *,
    images: OrOwnImage,
    supervisor: Supervisor,
    decided: Callable[[], None],
) -> Cells:
    """Make what tries whether cells can be had, and calls `decided` when that is known."""
    return Cells(
        engines.containers,
        images,
        wanted=settings.reuse,
        delivery=settings.delivery,
        runtime=settings.runtime,
        launcher_image=settings.launcher_image,
        most_runs=settings.reuse_most_runs,
        apparmor=settings.apparmor,
        labels=owner.labels(),
        decided=decided,
        supervisor=supervisor,
    )


def network_holders_of(
    settings: Settings,
    owner: Owner,
    engines: Engines,
    *,
    images: OrOwnImage,
    supervisor: Supervisor,
    places: int,
) -> NetworkHolders:
    """Has networks lent to containers that are started, as many at once as there are places."""
    most = places if settings.network_holders is None else settings.network_holders
    return NetworkHolders(
        engines.containers,
        images,
        engines.networks or Networks(),
        most=most if engines.networks else 0,
        image=settings.launcher_image,
        runtime=settings.runtime,
        labels=owner.labels(),
        supervisor=supervisor,
    )


def standing(pools: Pools, image: str) -> Standing | None:
    """What siblings are told of an image's state here; None if it has no pool."""
    pool, now_s = pools.get(image), time.monotonic()
    if pool is None:
        return None
    demand = pool.demand
    return Standing(demand.taken.at(now_s), demand.started.at(now_s), pool.warm, pool.target)
