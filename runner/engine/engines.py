"""The container engine as the service gets it: a real Docker engine, or one that a test made."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from pool import (
    ContainerEngine,
    DockerClient,
    DockerContainers,
    DockerImages,
    EngineError,
    ImageEngine,
    Networks,
    Owner,
    Supervisor,
)
from runner.background import report_bug
from runner.engine.calls import EngineCalls
from runner.engine.log import EngineLog
from runner.engine.registry_logins import RegistryLogins


async def _unknown() -> str:
    return "unknown"


@dataclass(frozen=True)
class Engines:
    """The container engine, in the parts that the service needs.

    `close` ends its connections. `log` says what fails. `version` asks the engine for its name and
    version, and raises EngineError. `calls` holds the times of the calls so far. The
    containers borrow `networks`; None: they cannot. `supervisor` is that of the process: it hears
    of the engine's client, and of the service.
    """

    containers: ContainerEngine
    images: ImageEngine
    close: Callable[[], Awaitable[None]]
    log: EngineLog
    version: Callable[[], Awaitable[str]] = _unknown
    calls: EngineCalls = field(default_factory=EngineCalls)
    networks: Networks | None = None
    supervisor: Supervisor = field(default_factory=lambda: Supervisor(report_bug))


def docker_engines(docker_host: str, owner: Owner, docker_config: str = "") -> Engines:
    """A real Docker engine; `docker_config` is the folder with the logins of registries."""
    log, calls = EngineLog(docker_host), EngineCalls()

    def failed(error: EngineError) -> None:
        log.failed(error)
        calls.failed(error)

    supervisor = Supervisor(report_bug)
    client = DockerClient(docker_host, failed, calls.ended, supervisor=supervisor)
    networks = Networks(supervisor)
    containers = DockerContainers(client, networks, log.warned)
    images = DockerImages(client, owner.labels(), RegistryLogins(docker_config).of)

    async def close() -> None:
        try:
            await containers.close()
            await images.close()
        finally:
            await client.close()

    return Engines(containers, images, close, log, client.version, calls, networks, supervisor)
