"""The life of a container on a real Docker engine."""

import asyncio
import json
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import aiodocker
from aiodocker.containers import DockerContainer

from pool.docker_client import DockerClient, a_text, words_of
from pool.docker_steps import (
    GONE,
    arm,
    attach,
    last_words,
    memory_bytes_of,
    start,
    up_to_mark,
    wait_until_ready,
)
from pool.docker_stream import DockerStream
from pool.engine import Seen, Started
from pool.errors import EngineError
from pool.networks import Networks
from pool.spec import ContainerSpec, Delivery
from pool.tasks import Tasks
from pool.time_limits import ENGINE_CALL_S

_MOST_WARNINGS = 10  # of one container


class DockerContainers:
    """Implements pool.engine.ContainerEngine.

    `networks` has the holders that lend networks to containers whose spec says so. `warned` is
    called with each warning in the engine's answer to a create.
    """

    def __init__(
        self,
        client: DockerClient,
        networks: Networks | None = None,
        warned: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._client = client
        self._warned = warned
        self._networks = networks or Networks(client.supervisor)
        self._tasks = Tasks(client.supervisor)
        # By the container's name while it is made, and by the id that `remove` was given.
        self._making: set[str] = set()
        self._removing: set[str] = set()

    async def start(self, spec: ContainerSpec) -> Started:
        """Create, attach, start, and wait for the ready mark; nothing is left behind on failure."""
        name = f"dojo-{uuid.uuid4().hex[:16]}"
        self._making.add(name)
        try:
            return await self._make(spec, name)
        finally:
            self._making.discard(name)

    async def output(self, spec: ContainerSpec, limit_bytes: int, limit_s: float) -> bytes:
        """See pool.engine.ContainerEngine. What comes over stderr is passed over."""
        name = f"dojo-{uuid.uuid4().hex[:16]}"
        self._making.add(name)
        created = self._begin_create(spec, name)
        try:
            container = await asyncio.shield(created)
            stream = await attach(self._client, spec, container, name)
            try:
                await start(self._client, spec, container, name)
                return await up_to_mark(stream, spec.ready_mark, limit_bytes, limit_s)
            finally:
                await stream.close()
        finally:
            # Only close() waits for the removal.
            removal = self._tasks.start(self._undo(created, name), f"remove {name}")
            removal.add_done_callback(lambda _: self._making.discard(name))

    async def _make(self, spec: ContainerSpec, name: str) -> Started:
        container, stream = await self._begin_in_any_network(spec, name)
        try:
            if spec.delivery is Delivery.EXEC:
                holder, stream = stream, await arm(self._client, spec, container, name, stream)
                await holder.close()
            await wait_until_ready(self._client, spec, container, name, stream)
            memory_bytes = (
                await memory_bytes_of(self._client, spec, container, name) if spec.warm_up else 0
            )
        except BaseException:
            await stream.close()
            removal = self._tasks.start(self._remove_after_failure(name), f"remove {name}")
            await asyncio.shield(removal)
            raise
        return Started(container.id, name, stream, memory_bytes)

    async def _begin_in_any_network(
        self, spec: ContainerSpec, name: str
    ) -> tuple[DockerContainer, DockerStream]:
        """Create, attach, start: in a network that a holder lends, if one is idle.

        The holder is needed only until the container has started, not until its ready mark.
        """
        if spec.borrows_network:
            async with self._networks.lend(spec.hostname) as holder:
                if holder is not None:
                    try:
                        return await self._begin(holder.in_its_network(spec), name)
                    except EngineError as error:
                        if not holder.may_be_why(error):
                            raise
        return await self._begin(spec, name)

    async def _begin(self, spec: ContainerSpec, name: str) -> tuple[DockerContainer, DockerStream]:
        """Create, attach, start; nothing is left behind on failure."""
        created = self._begin_create(spec, name)
        try:
            container = await asyncio.shield(created)
            stream = await attach(self._client, spec, container, name)
            try:
                await start(self._client, spec, container, name)
            except BaseException:
                await stream.close()
                raise
        except BaseException:
            removal = self._tasks.start(self._undo(created, name), f"remove {name}")
            await asyncio.shield(removal)
            raise
        return container, stream

    async def remove(self, container_id: str) -> None:
        """Kill and remove a container with its anonymous volumes; harmless if it is gone."""
        self._removing.add(container_id)
        try:
            async with self._client.call("remove", ENGINE_CALL_S, container=container_id) as docker:
                try:
                    await docker.containers.container(container_id).delete(force=True, v=True)
                except aiodocker.DockerError as error:
                    if error.status not in GONE:
                        raise
        finally:
            self._removing.discard(container_id)

    async def last_words(self, container_id: str) -> str:
        """The engine's words for how the container ended, such as `exited (137), out of memory`."""
        return await last_words(self._client, container_id)

    async def list_containers(self, label: str) -> list[Seen]:
        """All containers, in any state, that carry the label (`key=value`)."""
        async with self._client.call("list", ENGINE_CALL_S) as docker:
            listed = await docker._query_json(
                "containers/json", params={"all": "1", "filters": json.dumps({"label": [label]})}
            )
            return [_seen(one) for one in listed]

    def works_on(self, seen: Seen) -> bool:
        """Whether a call of this object is making the container just now, or removing it."""
        return seen.name in self._making or not self._removing.isdisjoint(
            (seen.container_id, seen.name)
        )

    async def close(self) -> None:
        """Wait for the removals that are under way."""
        await self._tasks.finish()

    def _begin_create(self, spec: ContainerSpec, name: str) -> asyncio.Task[DockerContainer]:
        # A task of its own, as a create must end even if its caller goes away: see _undo.
        return self._tasks.start(self._create(spec, name), f"create {name}", expected=EngineError)

    async def _create(self, spec: ContainerSpec, name: str) -> DockerContainer:
        async with self._client.call("create", ENGINE_CALL_S, image=spec.image, container=name):
            # aiodocker's own method keeps no warnings.
            docker = self._client.docker
            answer = await docker._query_json(
                "containers/create", method="POST", data=spec.create_body(), params={"name": name}
            )
            container = docker.containers.container(a_text(answer["Id"]))
        self._tell_warnings(answer.get("Warnings"))
        return container

    def _tell_warnings(self, warnings: Any) -> None:
        """Tell of what the engine lets pass; an answer of another shape is no reason to fail."""
        if isinstance(warnings, list):
            for text in warnings[:_MOST_WARNINGS]:
                if isinstance(text, str):
                    self._warned(words_of(text))

    async def _undo(self, created: asyncio.Task[DockerContainer], name: str) -> None:
        # The engine goes on with a create whose caller went away. A removal before its end would
        # be answered with "no such container", so the removal waits for that end.
        await asyncio.wait((created,))
        await self._remove_after_failure(name)

    async def _remove_after_failure(self, name: str) -> None:
        with suppress(EngineError):  # reported; the caller gets the error that led here
            await self.remove(name)


def _seen(listed: Any) -> Seen:
    """A container of an engine's list. Without an id it raises an error that `call` knows.

    What else makes no sense is left out: one odd container must keep no others from a sweep.
    """
    # A container that is just being removed may have no name any more.
    names, labels, created_s = listed.get("Names"), listed.get("Labels"), listed.get("Created")
    name = names[0] if names and isinstance(names, list) else ""
    return Seen(
        a_text(listed["Id"]),
        str(name).lstrip("/"),
        str(listed.get("State")),
        {key: value for key, value in labels.items() if isinstance(value, str)}
        if isinstance(labels, dict)
        else {},
        created_s if type(created_s) in (int, float) else None,
    )
