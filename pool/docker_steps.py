"""The steps of a container's start on a real Docker engine, and the words for its end.

Each step makes one call, under a time limit of its own, and raises EngineError.
"""

import asyncio
from contextlib import suppress
from typing import Any

import aiodocker
from aiodocker.containers import DockerContainer

from pool.docker_client import DockerClient, words_of
from pool.docker_stream import DockerStream
from pool.errors import EngineError
from pool.spec import ContainerSpec, Delivery
from pool.time_limits import ENGINE_CALL_S, LAST_WORDS_S, READY_S, STATS_S

# The memory of the shim that an engine runs beside each container. No control group of the
# container counts it.
SHIM_BYTES = 4 * 1024**2

# An engine's statuses for a container that it does not have, or whose removal is in progress.
GONE = (404, 409)


async def attach(
    client: DockerClient, spec: ContainerSpec, container: DockerContainer, name: str
) -> DockerStream:
    """Attach before start, so that not even the first byte is missed."""
    by_stdin = spec.delivery is Delivery.ATTACH
    async with client.call("attach", ENGINE_CALL_S, image=spec.image, container=name):
        source = container.attach(stdin=by_stdin, stdout=True, stderr=True)
        stream = await DockerStream.open(client, source, name)
    if by_stdin:
        await _write_prelude(spec, stream)
    return stream


async def start(
    client: DockerClient, spec: ContainerSpec, container: DockerContainer, name: str
) -> None:
    """Start the container."""
    async with client.call("start", ENGINE_CALL_S, image=spec.image, container=name):
        await container.start()


async def arm(
    client: DockerClient,
    spec: ContainerSpec,
    container: DockerContainer,
    name: str,
    holder: DockerStream,
) -> DockerStream:
    """Run the command in a container that `holder` keeps alive, for delivery by exec."""
    async with client.call("exec", ENGINE_CALL_S, image=spec.image, container=name):
        if holder.ended:
            raise EngineError(
                "exec", holder.complaints or "the container has ended", image=spec.image
            )
        armed = await container.exec(
            list(spec.whole_command),
            stdin=True,
            stdout=True,
            stderr=True,
            user=spec.user,
            workdir=spec.working_dir,
        )
        stream = await DockerStream.open(client, armed.start(detach=False), name)
    await _write_prelude(spec, stream)
    return stream


async def wait_until_ready(
    client: DockerClient,
    spec: ContainerSpec,
    container: DockerContainer,
    name: str,
    stream: DockerStream,
) -> None:
    """Read the ready mark, or find out why the command has ended without it."""
    said = b""
    async with client.call("ready", READY_S, image=spec.image, container=name):
        while len(said) < len(spec.ready_mark):
            more = await stream.read()
            if not more:
                words = [stream.complaints] if stream.complaints else []
                with suppress(EngineError):  # reported; the caller gets the error of the start
                    words.append(await last_words(client, container.id))
                raise EngineError("start", "; ".join(words), image=spec.image, container=name)
            said += more
        if said != spec.ready_mark:
            raise EngineError(
                "ready",
                f"printed {said[:200]!r} where {spec.ready_mark!r} was expected",
                image=spec.image,
                container=name,
            )


async def up_to_mark(stream: DockerStream, mark: bytes, limit_bytes: int, limit_s: float) -> bytes:
    """What the container prints until its mark, its end or the limits."""
    said = bytearray()
    with suppress(TimeoutError):
        async with asyncio.timeout(limit_s):
            while len(said) < limit_bytes and not said.endswith(mark):
                if not (more := await stream.read()):
                    break
                said += more
    return bytes(said[:limit_bytes])


async def memory_bytes_of(
    client: DockerClient, spec: ContainerSpec, container: DockerContainer, name: str
) -> int:
    """The memory of the container and its shim, in bytes; 0 if the engine does not say."""
    # A failure is reported where it happens. The container then counts like one without a
    # warm-up.
    with suppress(EngineError):
        async with client.call("stats", STATS_S, image=spec.image, container=name):
            said = await client.docker._query_json(
                f"containers/{container.id}/stats",
                params={"stream": "false", "one-shot": "true"},
            )
            return SHIM_BYTES + held_bytes(dict(said["memory_stats"]))
    return 0


async def last_words(client: DockerClient, container_id: str) -> str:
    """The engine's words for how the container ended, such as `exited (137), out of memory`."""
    async with client.call("inspect", ENGINE_CALL_S, container=container_id) as docker:
        container = docker.containers.container(container_id)
        try:
            # The stream may end a moment before the container does. With exec delivery the
            # container may live on.
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS_S):
                    await container.wait()
            state = (await container.show())["State"]
        except aiodocker.DockerError as error:
            if error.status in GONE:
                return "removed"
            raise
        words = f"{state['Status']} ({state['ExitCode']})"
        if state.get("OOMKilled"):
            words += ", out of memory"
        return words_of(f"{words}: {state['Error']}" if state.get("Error") else words)


def held_bytes(memory: Any) -> int:
    """The memory that a container takes, from the engine's `memory_stats` of cgroups v1 or v2.

    Cached files that the kernel may drop do not count. If the engine did not say, this raises an
    error of the kinds that DockerClient.call turns into an EngineError.
    """
    of_kind = memory.get("stats") or {}
    dropped = of_kind.get("total_inactive_file", of_kind.get("inactive_file", 0))
    return max(0, int(memory["usage"]) - int(dropped))


async def _write_prelude(spec: ContainerSpec, stream: DockerStream) -> None:
    """Write the prelude. If the command has ended before, the wait for its mark finds out why."""
    if spec.prelude and not stream.ended:
        try:
            await stream.write(spec.prelude)
        except BaseException:
            await stream.close()
            raise
