"""The container engine as the service gets it: a real Docker engine, or one that a test made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pool import (
    ContainerEngine,
    DockerClient,
    DockerContainers,
    DockerImages,
    ImageEngine,
    Owner,
)
from runner.operators.engine_log import EngineLog


@dataclass(frozen=True)
class Engines:
    """The container engine: its containers, its images, its connections' end, its faults' log."""

    containers: ContainerEngine
    images: ImageEngine
    close: Callable[[], Awaitable[None]]
    log: EngineLog


def docker_engines(docker_host: str, owner: Owner) -> Engines:
    """A real Docker engine."""
    log = EngineLog(docker_host)
    client = DockerClient(docker_host, log.failed)
    containers = DockerContainers(client)

    async def close() -> None:
        try:
            await containers.close()
        finally:
            await client.close()

    return Engines(containers, DockerImages(client, owner.labels()), close, log)
