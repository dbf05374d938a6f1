"""A pull by a Docker engine, which must make progress: a registry may hang without an end."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import aiohttp
from aiodocker.docker import Docker
from aiodocker.images import DockerImages as Api
from aiodocker.jsonstream import json_stream_stream

from pool.errors import EngineError

# The most layers whose latest event is remembered: more than any image has. An engine that names
# ever new ones must not fill the memory.
_MOST_LAYERS = 1000


def pull_events(
    docker: Docker,
    image: str,
    stalls_s: float,
    *,
    auth: Mapping[str, str] | None = None,
) -> AsyncIterator[Any]:
    """The engine's events of a pull. If their reader is cancelled, the engine ends the pull, too.

    Raises EngineError when no event has told of progress for `stalls_s`.
    """
    return with_progress(_Pulls(docker).pull(image, auth=auth, stream=True), image, stalls_s)


class _Pulls(Api):
    """Closes the connection as soon as nobody reads a pull's events; the engine then ends the pull.

    The client library would leave the connection open until the garbage collector runs.
    """

    async def _handle_stream(
        self, cm: AbstractAsyncContextManager[aiohttp.ClientResponse]
    ) -> AsyncIterator[Any]:
        async with cm as response:
            try:
                async for event in json_stream_stream(response):
                    yield event
            finally:
                response.close()


async def with_progress(
    events: AsyncIterator[Any], image: str, stalls_s: float
) -> AsyncIterator[Any]:
    """The engine's events of a pull, as they come.

    Raises EngineError when for `stalls_s` none has told anything new of the image or of a layer.
    """
    loop = asyncio.get_running_loop()
    latest: dict[str, Any] = {}  # by layer
    until_s = loop.time() + stalls_s
    while True:
        try:
            async with asyncio.timeout_at(until_s) as limit:
                event = await anext(events)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if not limit.expired():
                raise
            words = f"no progress within {stalls_s:g} s: the registry is too slow, or hangs"
            raise EngineError("pull", words, image=image) from error
        layer = str(event.get("id"))
        if latest.get(layer) != event:
            until_s = loop.time() + stalls_s
        if len(latest) >= _MOST_LAYERS:
            latest.clear()
        latest[layer] = event
        yield event
