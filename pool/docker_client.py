"""Our connection to a Docker engine, and the one place where its errors become ours."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import aiodocker
import aiohttp

from pool.errors import EngineError, ImageMissingError

DEFAULT_DOCKER_HOST = "unix:///var/run/docker.sock"
NO_STATUS = 0
_UNIX = "unix://"
_AIODOCKER_CANNOT_CONNECT = 900  # not an HTTP status: aiodocker's word for "no connection"


class DockerClient:
    """A lazily connected engine client.

    `report` hears of every failed call, once, at the place where it failed; an image that is
    absent is an answer, not a failure.
    """

    def __init__(self, docker_host: str, report: Callable[[EngineError], None]) -> None:
        self._docker_host = docker_host
        self._report = report
        self._docker: aiodocker.Docker | None = None
        self._connector: aiohttp.BaseConnector | None = None

    @property
    def docker(self) -> aiodocker.Docker:
        """The client below. Must be used inside `call`, which sets the time limit."""
        if self._docker is None:
            # Every warm container holds a connection; aiohttp's default limit of 100 would
            # deadlock everything at the hundredth.
            if self._docker_host.startswith(_UNIX):
                path = self._docker_host.removeprefix(_UNIX)
                self._connector = aiohttp.UnixConnector(path, limit=0)
                url = f"{_UNIX}localhost"  # some host must be named; the path is the connector's
            else:
                self._connector = aiohttp.TCPConnector(limit=0)
                url = self._docker_host
            # `url` is always passed: left out, a docker context would beat DOCKER_HOST.
            self._docker = aiodocker.Docker(url=url, connector=self._connector)
        return self._docker

    @asynccontextmanager
    async def call(
        self, operation: str, limit_s: float, *, image: str = "", container: str = ""
    ) -> AsyncIterator[aiodocker.Docker]:
        """Run one engine call under a time limit.

        Raises EngineError, reported, for whatever goes wrong below; ImageMissingError, not
        reported, when the engine says that it has no such image.
        """
        try:
            async with asyncio.timeout(limit_s):
                yield self.docker
        except EngineError as error:
            self._report(error)
            raise
        except TimeoutError as error:
            failure = EngineError(
                operation, f"no answer within {limit_s:g} s", image=image, container=container
            )
            self._report(failure)
            raise failure from error
        except aiodocker.DockerError as error:
            if error.status == 404 and "no such image" in error.message.lower():
                raise ImageMissingError(
                    operation, error.message, status=404, image=image, container=container
                ) from error
            status = NO_STATUS if error.status == _AIODOCKER_CANNOT_CONNECT else error.status
            failure = EngineError(
                operation, error.message, status=status, image=image, container=container
            )
            self._report(failure)
            raise failure from error
        except (aiohttp.ClientError, OSError) as error:
            failure = EngineError(
                operation, str(error) or repr(error), image=image, container=container
            )
            self._report(failure)
            raise failure from error
        # An answer that is not JSON, or JSON of another shape than promised. The last two:
        # aiodocker asserts on a connection that went away meanwhile, and answers a write to one
        # it has closed with RuntimeError.
        except (ValueError, LookupError, TypeError, AssertionError, RuntimeError) as error:
            failure = EngineError(operation, repr(error), image=image, container=container)
            self._report(failure)
            raise failure from error

    async def close(self) -> None:
        """Close all connections."""
        if self._docker is None or self._connector is None:
            return
        # Docker.close() raises what its event listener met, before it closes anything.
        with suppress(Exception):
            await self._docker.close()
        await self._docker.session.close()
        await self._connector.close()
        self._docker = None
