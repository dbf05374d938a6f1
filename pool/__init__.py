"""Pools of warm containers: knows Docker and time, knows nothing of kata or HTTP."""

from pool.back_off import BackOff
from pool.buckets import START_BOUNDS_S, Buckets
from pool.container import Container, State
from pool.docker_client import DEFAULT_DOCKER_HOST, DockerClient
from pool.docker_containers import DockerContainers
from pool.docker_host import DockerHost, EngineFacts, ImageFacts, LayerProgress
from pool.docker_images import DockerImages
from pool.engine import (
    ContainerEngine,
    Folder,
    Found,
    Image,
    ImageEngine,
    Login,
    Seen,
    Started,
    Stream,
)
from pool.errors import (
    EngineError,
    ImageMissingError,
    PoolClosedError,
    PoolError,
    PoolRetiredError,
    UnansweredError,
)
from pool.image_name import LONGEST_NAME as LONGEST_IMAGE_NAME
from pool.image_name import PATTERN as IMAGE_NAME_PATTERN
from pool.image_name import full_name, is_id, is_well_formed, usual_name
from pool.image_pool import ImagePool
from pool.lease import Lease
from pool.networks import NetworkHolder, Networks
from pool.orphans import Owner, Sweeper, remove_mine, this_process
from pool.pools import Pools
from pool.settings import PoolSettings
from pool.sizing import Sizes
from pool.spec import ContainerSpec, Delivery, Ulimit
from pool.statistics import PoolStatistics
from pool.tasks import LoopReturnedError, LoopStatus, Supervisor, Tasks, give_up_all

__all__ = [
    "DEFAULT_DOCKER_HOST",
    "IMAGE_NAME_PATTERN",
    "LONGEST_IMAGE_NAME",
    "START_BOUNDS_S",
    "BackOff",
    "Buckets",
    "Container",
    "ContainerEngine",
    "ContainerSpec",
    "Delivery",
    "DockerClient",
    "DockerContainers",
    "DockerHost",
    "DockerImages",
    "EngineError",
    "EngineFacts",
    "Folder",
    "Found",
    "Image",
    "ImageEngine",
    "ImageFacts",
    "ImageMissingError",
    "ImagePool",
    "LayerProgress",
    "Lease",
    "Login",
    "LoopReturnedError",
    "LoopStatus",
    "NetworkHolder",
    "Networks",
    "Owner",
    "PoolClosedError",
    "PoolError",
    "PoolRetiredError",
    "PoolSettings",
    "PoolStatistics",
    "Pools",
    "Seen",
    "Sizes",
    "Started",
    "State",
    "Stream",
    "Supervisor",
    "Sweeper",
    "Tasks",
    "Ulimit",
    "UnansweredError",
    "full_name",
    "give_up_all",
    "is_id",
    "is_well_formed",
    "remove_mine",
    "this_process",
    "usual_name",
]
