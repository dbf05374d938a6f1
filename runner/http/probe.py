"""Asks the daemon on this machine how it is: for health checks, which have no other client."""

import asyncio

import aiohttp

from runner.settings import Settings

DEADLINE_S = 5.0
# Who listens on every address answers on loopback, too.
_LOOPBACK = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not to listen on


class NotReadyError(Exception):
    """The daemon would not take on a run, or does not answer; the message says why."""


async def ask_if_ready(settings: Settings, deadline_s: float = DEADLINE_S) -> str:
    """The name of the replica that is ready. Raises NotReadyError."""
    host = _LOOPBACK.get(settings.host, settings.host)
    where = f"{f'[{host}]' if ':' in host else host}:{settings.port}"
    try:
        # aiohttp asks no proxy of the environment unless told to.
        async with (
            asyncio.timeout(deadline_s),
            aiohttp.ClientSession() as http,
            http.get(f"http://{where}/health") as response,
        ):
            health = await response.json()
            status, replica = str(health["status"]), str(health["replica"])
    except TimeoutError as error:
        raise NotReadyError(f"no answer from {where} within {deadline_s:g} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise NotReadyError(f"no answer from {where}: {error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise NotReadyError(f"what answers at {where} is no dojo-runner") from error
    if status != "ok":
        raise NotReadyError(f"{replica}: {status}")
    return replica
