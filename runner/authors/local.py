"""A daemon that a command starts for itself, on loopback and at a free port, until it ends."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from pool import Delivery, EngineError, Supervisor, this_process
from runner.app import listen, make_http
from runner.cli.terminal import CommandError
from runner.client import RunnerClient
from runner.colour.questions import BadPatternError, NoAnswerError
from runner.colour.traffic_light import TrafficLight
from runner.engine.engines import docker_engines
from runner.engine.tool_images import ToolImages
from runner.environment import read_settings
from runner.service import Service
from runner.settings import Reuse, Settings

READY_WITHIN_S = 20.0
# On a slow machine the daemon tries for longer whether it can have cells.
STARTED_WITHIN_S = 50.0
_ASKED_EVERY_S = 0.02


@asynccontextmanager
async def own_daemon(
    reuse: Reuse | None = None, delivery: Delivery | None = None
) -> AsyncIterator[str]:
    """The URL of a daemon that is ready. But for the arguments, the environment has its settings.

    Raises CommandError, with what to do, if no engine answers or the daemon does not become ready.
    """
    settings = _settings(reuse=reuse, delivery=delivery)
    owner = this_process(settings.replica_name)
    service = Service(
        settings, owner, docker_engines(settings.docker_host, owner, settings.docker_config)
    )
    http = make_http(settings, service)
    await http.setup()
    try:
        port = await listen(http, settings)
        await service.start()
        url = f"http://{settings.host}:{port}"
        await _until_ready(url, settings)
        yield url
    finally:
        await service.drain()
        await http.cleanup()


async def unreadable_patterns(patterns: Mapping[str, str]) -> dict[str, str] | None:
    """What Ruby says of each pattern that it cannot read; None if no Ruby can be asked."""
    settings = _settings()
    owner = this_process(settings.replica_name)
    engines = docker_engines(settings.docker_host, owner, settings.docker_config)
    light = TrafficLight(
        engines.containers,
        ToolImages(engines.images, None, {}),
        settings.ruby_image,
        owner.labels(),
        Supervisor(lambda _name, _error: None),
    )
    try:
        # If the image is missing, this fails at once. A start would be tried again and again.
        await engines.images.image(settings.ruby_image)
        return {
            where: fault
            for where, pattern in patterns.items()
            if (fault := await _fault_of(light, pattern))
        }
    except (NoAnswerError, EngineError):
        return None
    finally:
        await light.close()
        await engines.close()


async def _fault_of(light: TrafficLight, pattern: str) -> str:
    """Ruby's complaint about a pattern; empty if it has none. Raises NoAnswerError, EngineError."""
    until_s = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            await light.hidden([pattern], ["name"])
        except BadPatternError as error:
            return error.message
        except NoAnswerError:  # on a busy machine Ruby's container may take longer to start
            if time.monotonic() > until_s:
                raise
        else:
            return ""


def _settings(**wanted: Reuse | Delivery | None) -> Settings:
    # One author makes one run after another, so no container need be warm for others.
    changes = {
        "host": "127.0.0.1",
        "port": 0,
        "replica": f"authors-{os.getpid()}",
        "siblings": (),
        "warm_images": (),
        "warm_spare": 0,
        "linger_s": 0.0,
        **{name: value for name, value in wanted.items() if value is not None},
    }
    return read_settings().model_copy(update=changes)


def why_not_ready(status: str, settings: Settings) -> str:
    """What to tell a user whose daemon did not become ready; `status` is that of `/health`."""
    if status == "engine down":
        return f"no Docker engine answers at {settings.docker_host}: start it, or give --url"
    return (
        f"the daemon was not ready within {STARTED_WITHIN_S:.0f} s, its status is `{status}`: "
        "try again when the machine is less busy, or give --url"
    )


async def _until_ready(url: str, settings: Settings) -> None:
    began_s = time.monotonic()
    async with RunnerClient(url) as client:
        while not await client.ready():
            status = (await client.health())["status"]
            limit_s = READY_WITHIN_S if status == "engine down" else STARTED_WITHIN_S
            if time.monotonic() > began_s + limit_s:
                raise CommandError(why_not_ready(status, settings))
            await asyncio.sleep(_ASKED_EVERY_S)
