"""Our connection to a Docker engine, and the one place where its errors become ours."""

import asyncio
import errno
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiodocker
import aiohttp

from pool.errors import EngineError, ImageMissingError, UnansweredError, plain
from pool.tasks import Supervisor, Tasks
from pool.time_limits import ENGINE_CALL_S

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
_UNIX = "unix://"
_AIODOCKER_CANNOT_CONNECT = 900  # not an HTTP status: aiodocker's word for "no connection"

_LONGEST_WORDS = 1000
# What an operator can do, by the number of the system's error.
_NOBODY_LISTENS = "start the engine, or correct DOCKER_HOST"
_ADVICE = {
    errno.EACCES: "run as a user of the group that owns the socket (often `docker`), or as root",
    errno.ENOENT: _NOBODY_LISTENS,
    errno.ECONNREFUSED: _NOBODY_LISTENS,
}
# All but the last two come from an answer that is no JSON, or has an unexpected shape. aiodocker
# asserts that its connection has not gone away meanwhile, and raises RuntimeError for a write to a
# connection that it has closed.
_NONSENSE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    RuntimeError,
)
_IF_IT_HANGS = "the engine hangs, or the machine is overloaded: see whether `docker ps` answers"


class DockerClient:
    """A client of the engine that connects at its first call.

    `report` is called once for every failed call, where it fails. It is not called when an image is
    missing, because that is an answer, nor for a call that `close` has cut off. `ended` is called
    after every call, with its operation and the seconds that it took.

    `supervisor` hears of what fails unforeseen in the background. `tasks` are those that need the
    client's connections: they end with it.
    """

    def __init__(
        self,
        docker_host: str,
        report: Callable[[EngineError], None],
        ended: Callable[[str, float], None] = lambda _operation, _seconds: None,
        *,
        supervisor: Supervisor | None = None,
    ) -> None:
        self.supervisor = supervisor or Supervisor()
        self.tasks = Tasks(self.supervisor)
        self._docker_host = docker_host
        self._report_to = report
        self._ended = ended
        self._docker: aiodocker.Docker | None = None
        self._connector: aiohttp.BaseConnector | None = None
        self._is_closed = False

    @property
    def docker(self) -> aiodocker.Docker:
        """aiodocker's client. Must be used inside `call`, which sets the time limit."""
        if self._docker is None:
            # Every warm container holds a connection. With aiohttp's default limit of 100, the
            # hundredth container would block every further call.
            if self._docker_host.startswith(_UNIX):
                path = self._docker_host.removeprefix(_UNIX)
                self._connector = aiohttp.UnixConnector(path, limit=0)
                url = f"{_UNIX}localhost"  # a URL needs a host; the connector knows the path
            else:
                self._connector = aiohttp.TCPConnector(limit=0)
                url = self._docker_host
            # `url` is always passed, because aiodocker prefers a docker context to DOCKER_HOST.
            self._docker = aiodocker.Docker(url=url, connector=self._connector)
        return self._docker

    @asynccontextmanager
    async def call(
        self, operation: str, limit_s: float, *, image: str = "", container: str = ""
    ) -> AsyncIterator[aiodocker.Docker]:
        """Run one engine call under a time limit.

        Raises EngineError for anything that goes wrong in it, and reports that. Raises
        ImageMissingError, without a report, when the engine says that it has no such image.
        """
        began_s = time.monotonic()
        try:
            async with asyncio.timeout(limit_s):
                yield self.docker
        except EngineError as error:
            self._report(error)
            raise
        except TimeoutError as error:
            failure: EngineError = UnansweredError(
                operation,
                f"no answer within {limit_s:g} s",
                advice=_IF_IT_HANGS,
                image=image,
                container=container,
            )
            self._report(failure)
            raise failure from error
        except aiodocker.DockerError as error:
            failure = _failure(error, operation, image, container)
            if error.status == 400 and "client version" in failure.message:
                self._agree_again()
            if not isinstance(failure, ImageMissingError):
                self._report(failure)
            raise failure from error
        except (aiohttp.ClientError, OSError) as error:
            failure = _cannot_connect(error, operation, image, container)
            self._report(failure)
            raise failure from error
        except _NONSENSE as error:
            failure = UnansweredError(
                operation, words_of(repr(error)), image=image, container=container
            )
            self._report(failure)
            raise failure from error
        finally:
            self._ended(operation, time.monotonic() - began_s)

    def _agree_again(self) -> None:
        """Ask the engine for its API's version before the next call.

        aiodocker asks once. The engine that it asked may have been replaced meanwhile by one that
        no longer speaks that version, or does not yet: Docker 29 refuses what Docker 20.10 spoke.
        """
        if self._docker is not None:
            self._docker.api_version = "auto"

    async def version(self) -> str:
        """The engine's own version. Raises EngineError."""
        async with self.call("version", ENGINE_CALL_S) as docker:
            return str((await docker.version())["Version"])

    async def close(self) -> None:
        """Close all connections, which cuts off the calls under way."""
        self._is_closed = True
        await self.tasks.cancel()
        if self._docker is None or self._connector is None:
            return
        # Docker.close() may raise an error of its event listener, before it closes anything.
        with suppress(Exception):
            await self._docker.close()
        await self._docker.session.close()
        await self._connector.close()
        self._docker = None

    def _report(self, error: EngineError) -> None:
        if not self._is_closed:
            self._report_to(error)


def words_of(said: object) -> str:
    """An engine's words, short enough for a log; of very many, the middle is left out.

    Podman's errors repeat the whole request, of many kilobytes.
    """
    words = plain(said)
    if len(words) <= _LONGEST_WORDS:
        return words
    return f"{words[: _LONGEST_WORDS // 2]} ... {words[-_LONGEST_WORDS // 2 :]}"


def a_text(said: Any) -> str:
    """A part of an engine's answer that must be a text. Raises TypeError if it is none."""
    if not isinstance(said, str):
        raise TypeError(f"{said!r} is no text")
    return said


def _failure(
    error: aiodocker.DockerError, operation: str, image: str, container: str
) -> EngineError:
    if error.status == _AIODOCKER_CANNOT_CONNECT:
        # aiodocker's own words name another address than the one that was asked.
        return _cannot_connect(error.__context__ or error, operation, image, container)
    kind = EngineError
    words = words_of(error.message)
    if error.status == 404 and "no such image" in words.lower():
        kind = ImageMissingError
    return kind(operation, words, status=error.status, image=image, container=container)


def _cannot_connect(
    error: BaseException, operation: str, image: str, container: str
) -> UnansweredError:
    """The error for an engine that cannot be reached; learners may read it, so it names no path."""
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    number = cause.errno if isinstance(cause, OSError) else None
    words = os.strerror(number) if number else type(cause).__name__
    return UnansweredError(
        operation,
        f"cannot connect to the engine: {words}",
        advice=_ADVICE.get(number or 0, ""),
        image=image,
        container=container,
    )
