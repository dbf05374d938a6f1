"""Asks a Docker engine about itself and one of its images, for the command line."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from pool.docker_client import DockerClient
from pool.docker_pull import pull_events
from pool.errors import EngineError
from pool.image_name import usual_name
from pool.time_limits import ENGINE_CALL_S, PULL_S, PULL_STALLS_S


@dataclass(frozen=True)
class EngineFacts:
    """An engine in its own words. `security` are its options, such as `name=apparmor`."""

    version: str
    api_version: str
    architecture: str
    system: str
    kernel: str
    root: str  # the folder in which it keeps images and containers
    cgroup_version: str
    limits_memory: bool
    limits_processes: bool
    security: tuple[str, ...]


@dataclass(frozen=True)
class ImageFacts:
    """An image in an engine's own words. `size_bytes` is what it takes on the node's disk."""

    image_id: str
    architecture: str
    size_bytes: int
    volumes: tuple[str, ...]


@dataclass(frozen=True)
class LayerProgress:
    """How far one layer of a pull is. `total_bytes` is 0 if it is unknown.

    `layer` is empty if the status is that of the whole image.
    """

    layer: str
    status: str
    done_bytes: int = 0
    total_bytes: int = 0


class DockerHost:
    """Asks one engine. Each call raises EngineError."""

    def __init__(self, client: DockerClient) -> None:
        self._client = client

    async def facts(self) -> EngineFacts:
        """The facts about the engine, as they are now."""
        async with self._client.call("info", ENGINE_CALL_S) as docker:
            version = await docker.version()
            info = await docker.system.info()
            return EngineFacts(
                version=version["Version"],
                api_version=version["ApiVersion"],
                architecture=info["Architecture"],
                system=info["OperatingSystem"],
                kernel=info["KernelVersion"],
                root=info["DockerRootDir"],
                cgroup_version=str(info.get("CgroupVersion", "1")),  # engines before 20.10
                limits_memory=bool(info["MemoryLimit"]),
                limits_processes=bool(info["PidsLimit"]),
                security=tuple(info["SecurityOptions"] or ()),
            )

    async def image(self, name: str) -> ImageFacts:
        """One image of its node. Raises ImageMissingError, too."""
        async with self._client.call("inspect", ENGINE_CALL_S, image=name) as docker:
            found = await docker.images.inspect(name)
            return ImageFacts(
                image_id=found["Id"],
                architecture="/".join((found["Os"], found["Architecture"])),
                size_bytes=int(found["Size"]),
                volumes=tuple(sorted(found["Config"].get("Volumes") or ())),
            )

    async def pull(self, name: str) -> AsyncIterator[LayerProgress]:
        """Fetch an image from its registry, and tell how far each layer is.

        A pull that makes no progress for two minutes fails.
        """
        async with self._client.call("pull", PULL_S, image=name) as docker:
            async for event in pull_events(docker, usual_name(name), PULL_STALLS_S):
                if "error" in event:
                    raise EngineError("pull", str(event["error"]), image=name)
                detail = event.get("progressDetail") or {}
                yield LayerProgress(
                    layer=str(event.get("id", "")),
                    status=str(event.get("status", "")),
                    done_bytes=int(detail.get("current") or 0),
                    total_bytes=int(detail.get("total") or 0),
                )
