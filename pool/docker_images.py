"""Images of a real Docker engine: looks them up, pulls them, reads files, hears of changes."""

import asyncio
import json
import posixpath
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Awaitable,
    Callable,
    Mapping,
)
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiodocker
import aiohttp
from aiodocker.containers import DockerContainer
from aiodocker.docker import Docker
from aiodocker.jsonstream import json_stream_stream

from pool.archive import BrokenArchiveError, Entry, Kind, entries
from pool.docker_client import DockerClient, a_text, words_of
from pool.docker_pull import pull_events
from pool.engine import Folder, Found, Image, Login
from pool.errors import EngineError, plain
from pool.image_name import full_name
from pool.tasks import Tasks
from pool.time_limits import (
    ENGINE_CALL_S,
    EVENTS_CONNECT_S,
    LOAD_S,
    PULL_S,
    PULL_STALLS_S,
    READ_FILES_S,
)

_IMAGE_EVENTS = ("pull", "load", "import", "tag", "untag", "delete", "prune")
_LINKS_FOLLOWED = 5
# An engine's words for a path with a circle of links, or a file for a folder, in an image.
_LEADS_NOWHERE = ("too many links", "too many levels of symbolic links", "not a directory")
# Enough bytes of an archive for the first entries of a directory: tar is written in 10 KiB records.
_FIRST_ENTRIES_BYTES = 64 * 1024


LoginOf = Callable[[str], Awaitable[Login | None]]


async def no_login(_image: str) -> Login | None:
    """No login: every image is pulled anonymously."""
    return None


class DockerImages:
    """Implements pool.engine.ImageEngine. `labels` mark the containers that reading needs.

    `login_of` is asked before each pull for the login at the registry of an image's name. A pull
    that makes no progress for `pull_stalls_s` fails.
    """

    def __init__(
        self,
        client: DockerClient,
        labels: Mapping[str, str],
        login_of: LoginOf = no_login,
        pull_stalls_s: float = PULL_STALLS_S,
    ) -> None:
        self._client = client
        self._login_of = login_of
        self._pull_stalls_s = pull_stalls_s
        self._labels = dict(labels)
        self._tasks = Tasks(client.supervisor)

    async def image(self, name: str) -> Image:
        """The image of that name or id. Raises ImageMissingError."""
        async with self._client.call("inspect", ENGINE_CALL_S, image=name) as docker:
            found = await docker.images.inspect(name)
            return Image(
                a_text(found["Id"]),
                _volumes_of(found["Config"]),
                plain(found.get("Architecture") or ""),
            )

    async def image_of_container(self, container_id: str, label: tuple[str, str]) -> Image | None:
        """See pool.engine.ImageEngine."""
        async with self._client.call("inspect", ENGINE_CALL_S) as docker:
            try:
                found = await docker._query_json(f"containers/{container_id}/json")
            except aiodocker.DockerError as error:
                if error.status != 404:
                    raise
                return None
            key, value = label
            labels = found["Config"]["Labels"] or {}
            return Image(a_text(found["Image"])) if labels.get(key) == value else None

    async def pull(self, name: str) -> None:
        """Fetch the image from its registry. Raises EngineError, too, when that stalls."""
        login = await self._login_of(name)
        async with self._client.call("pull", PULL_S, image=name) as docker:
            # With a login the client library wants a name that begins with the registry's host.
            from_image, auth = (name, None) if login is None else (full_name(name), _auth(login))
            async for _ in pull_events(docker, from_image, self._pull_stalls_s, auth=auth):
                pass

    async def names(self) -> list[str]:
        """See pool.engine.ImageEngine."""
        async with self._client.call("list images", ENGINE_CALL_S) as docker:
            images = await docker.images.list()
            return sorted(name for one in images for name in one["RepoTags"] or () if ":" in name)

    async def load(self, name: str, archive: AsyncIterable[bytes]) -> None:
        """See pool.engine.ImageEngine."""
        repository, _, tag = name.rpartition(":")
        async with self._client.call("load", LOAD_S, image=name) as docker:
            response = await docker._do_query(
                "images/create",
                "POST",
                params={"fromSrc": "-", "repo": repository, "tag": tag},
                data=archive,
                headers={"Content-Type": "application/x-tar"},
                timeout=docker._resolve_long_running_timeout(None),
            )
            try:
                # The engine answers 200 before it reads, and tells of its failure in an event.
                async for event in json_stream_stream(response):
                    if "error" in event:
                        raise EngineError("load", words_of(event["error"]), image=name)
            finally:
                response.close()

    async def read_files(
        self, image_id: str, paths: tuple[str, ...], limit_bytes: int
    ) -> dict[str, Found | None]:
        """See pool.engine.ImageEngine. Reads through a container that is never started."""
        async with (
            self._never_started(image_id) as container,
            self._client.call("read", READ_FILES_S, image=image_id) as docker,
        ):
            try:
                return {
                    path: await _read_path(docker, container.id, path, limit_bytes)
                    for path in paths
                }
            except BrokenArchiveError as error:
                raise EngineError("read", f"no tar: {error}", image=image_id) from error

    async def fill_volume(self, name: str, image_id: str, path: str) -> None:
        """See pool.engine.ImageEngine. An empty volume is filled when it is first mounted."""
        options = {"Labels": self._labels}
        mount = {"Type": "volume", "Source": name, "Target": path, "VolumeOptions": options}
        async with self._never_started(image_id, Mounts=[mount]):
            pass

    async def remove_volume(self, name: str) -> None:
        """Remove a volume; harmless if it has gone, or is in use."""
        async with self._client.call("remove", ENGINE_CALL_S) as docker:
            try:
                await docker._query_json(f"volumes/{name}", method="DELETE")
            except aiodocker.DockerError as error:
                if error.status not in (404, 409):
                    raise

    async def image_changes(self) -> AsyncGenerator[None, None]:
        """Yields once when listening, then whenever an image came, went or changed its name.

        Ends, or raises EngineError, when the engine does.
        """
        filters = json.dumps({"type": ["image"], "event": list(_IMAGE_EVENTS)})
        async with self._client.call("events", EVENTS_CONNECT_S) as docker:
            response = await docker._do_query(
                "events",
                "GET",
                params={"filters": filters},
                timeout=docker._resolve_long_running_timeout(None),
            )
        try:
            yield
            with suppress(aiohttp.ClientError):  # the engine has ended, in whatever way
                # The stream is read in pieces, and not in lines: a line that tells of many labels
                # may be longer than aiohttp's limit for a line.
                async for piece in response.content.iter_any():
                    if b"\n" in piece:
                        yield
        finally:
            response.close()

    async def close(self) -> None:
        """Wait for the removals that are under way."""
        await self._tasks.finish()

    @asynccontextmanager
    async def _never_started(
        self, image_id: str, **host_config: Any
    ) -> AsyncIterator[DockerContainer]:
        """A container that is never started, to read the image's files; removed afterwards."""
        creating = self._create(image_id, host_config)
        created = self._tasks.start(creating, f"create of {image_id}", expected=EngineError)
        try:
            yield await asyncio.shield(created)
        finally:
            removal = self._tasks.start(self._remove(created), f"remove of {image_id}")
            await asyncio.shield(removal)

    async def _create(self, image_id: str, host_config: Mapping[str, Any]) -> DockerContainer:
        body: dict[str, Any] = {
            "Image": image_id,
            "Cmd": ["-"],
            "Labels": self._labels,
            "HostConfig": dict(host_config),
        }
        async with self._client.call("read", ENGINE_CALL_S, image=image_id) as docker:
            return await docker.containers.create(body)

    async def _remove(self, created: asyncio.Task[DockerContainer]) -> None:
        # The engine goes on with a create whose caller went away, so wait for its end.
        await asyncio.wait((created,))
        if created.exception() is not None:
            return
        with suppress(EngineError):  # reported; it is no reason to lose what was read
            async with self._client.call("remove", ENGINE_CALL_S, container=created.result().id):
                await created.result().delete(force=True, v=True)


def _auth(login: Login) -> dict[str, str]:
    if login.identity_token:
        return {"identitytoken": login.identity_token}
    return {"username": login.user, "password": login.password}


def _volumes_of(config: Any) -> tuple[str, ...]:
    """The volumes that an image declares. Raises TypeError if the engine's words make no sense."""
    declared = config["Volumes"] if config and "Volumes" in config else None
    return tuple(sorted(declared or ()))


async def _read_path(
    docker: Docker, container_id: str, path: str, limit_bytes: int
) -> Found | None:
    for _link in range(_LINKS_FOLLOWED):
        packed = await _archive(docker, container_id, path, limit_bytes + _FIRST_ENTRIES_BYTES)
        if packed is None:
            return None
        found = entries(packed)
        entry = next(found, None)
        if entry is None:
            return None
        if entry.kind is Kind.FOLDER:
            return Folder.FILLED if next(found, None) is not None else None
        if entry.kind is not Kind.LINK:
            return _content_of(entry, limit_bytes)
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), entry.link))
    return None


def _content_of(entry: Entry, limit_bytes: int) -> bytes | None:
    if entry.kind is not Kind.FILE or entry.size_bytes > limit_bytes:
        return None
    if len(entry.content) < entry.size_bytes:
        raise BrokenArchiveError("a file is cut short")
    return entry.content


async def _archive(docker: Docker, container_id: str, path: str, limit_bytes: int) -> bytes | None:
    """The first `limit_bytes` of the engine's tar of that path; None when there is no such path."""
    try:
        response = await docker._do_query(
            f"containers/{container_id}/archive", "GET", params={"path": path}
        )
    except aiodocker.DockerError as error:
        if error.status == 404 or any(words in error.message for words in _LEADS_NOWHERE):
            return None
        raise
    try:
        packed = bytearray()
        async for chunk in response.content.iter_any():
            packed += chunk
            if len(packed) >= limit_bytes:
                break
        return bytes(packed)
    finally:
        response.close()
