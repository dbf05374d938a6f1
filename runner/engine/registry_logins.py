"""Logins for registries, from the same file and helpers that Docker's command line uses."""

import asyncio
import base64
import json
import os
import re
import shutil
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from loguru import logger

from pool import Login, full_name, is_id
from runner.threads import aside

LIMIT_S = 10.0
# The most reads of the file that have not ended: one for each pull that the settings allow at once.
# A read that the disk never answers keeps its thread for ever.
MOST_READS = 100
_ENDS_S = 1.0  # after its KILL
LARGEST_FILE_BYTES = 1024 * 1024
LARGEST_ANSWER_BYTES = 64 * 1024

_HUB = "docker.io"
_HUB_KEY = "https://index.docker.io/v1/"  # the name of Docker Hub in the file and for helpers
_HUB_HOSTS = (_HUB, "index.docker.io", "registry-1.docker.io")
_HELPER = re.compile("[A-Za-z0-9._-]+")
_TOKEN_USER = "<token>"  # noqa: S105 - the user's name with which a helper says that it has a token
_NOT_FOUND = b"credentials not found"


class _LoginError(Exception):
    """The file or a helper is of no use; the message quotes nothing of what they contain."""


class RegistryLogins:
    """The logins of `config.json` in a folder; an empty one stands for `~/.docker`.

    The file is read for each pull, so a login that was renewed counts at once. Its disk and a
    helper have `limit_s` each to answer.
    """

    def __init__(self, folder: str = "", limit_s: float = LIMIT_S) -> None:
        self._limit_s = limit_s
        self._reads: set[object] = set()  # the reads of the file that have not ended
        self._is_chosen = bool(folder)
        self._file = Path(folder or os.path.expanduser("~/.docker")) / "config.json"

    async def of(self, image: str) -> Login | None:
        """The login for the registry of this image, if there is one.

        If a login cannot be read, the log has a line about it, and the image is pulled without a
        login, because it may need none.
        """
        if is_id(image):
            return None
        host = full_name(image).partition("/")[0]
        key = _HUB_KEY if host == _HUB else host
        try:
            config = await self._config()
            from_helper = await _from_helper(config, key, host, self._limit_s)
            return _that_can_be_sent(from_helper or _from_file(config, key, host))
        except _LoginError as error:
            logger.bind(registry=host, reason=str(error)).warning("no login for the registry")
            return None

    async def _config(self) -> Mapping[str, Any]:
        if len(self._reads) >= MOST_READS:
            raise _LoginError(f"{self._file} cannot be read: no earlier read has ended")
        this = object()
        self._reads.add(this)

        def read() -> Mapping[str, Any]:
            try:
                return self._read()
            finally:
                self._reads.discard(this)

        try:
            async with asyncio.timeout(self._limit_s):
                return await aside(read)
        except TimeoutError as error:
            words = f"{self._file} cannot be read within {self._limit_s:g} s"
            raise _LoginError(words) from error

    def _read(self) -> Mapping[str, Any]:
        try:
            with self._file.open("rb") as file:
                text = file.read(LARGEST_FILE_BYTES + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            if not self._is_chosen:
                # The home may be root's: root started the daemon, which is another user now.
                return {}
            words = f"{self._file} cannot be read: {error.strerror}"
            raise _LoginError(words) from error
        if len(text) > LARGEST_FILE_BYTES:
            raise _LoginError(f"{self._file} is over {LARGEST_FILE_BYTES} bytes")
        try:
            config = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise _LoginError(f"{self._file} is not JSON") from error
        return _mapping(config, str(self._file))


async def _from_helper(
    config: Mapping[str, Any], key: str, host: str, limit_s: float
) -> Login | None:
    """The login that the helper for this registry, or for all, has; None if it has none."""
    helpers = _mapping(config.get("credHelpers") or {}, "credHelpers")
    name = helpers.get(key) or helpers.get(host) or config.get("credsStore")
    if not name:
        return None
    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        raise _LoginError("the name of a credential helper is malformed")
    program = shutil.which(f"docker-credential-{name}")
    if program is None:
        if _entry(config, key, host):
            return None
        raise _LoginError(f"docker-credential-{name} is not on the PATH")
    answer = await _ask(program, name, key, limit_s)
    if answer is None:
        return None
    try:
        found = json.loads(answer)
        user, secret = found["Username"], found["Secret"]
    except (ValueError, LookupError, TypeError, RecursionError):
        user = secret = None
    if not isinstance(user, str) or not isinstance(secret, str):
        # The cause is left out, because its words may hold what the helper said.
        raise _LoginError(f"docker-credential-{name} answered something else than a login")
    if user == _TOKEN_USER:
        return Login(identity_token=secret)
    return Login(user, secret)


async def _ask(program: str, name: str, key: str, limit_s: float) -> bytes | None:
    """The answer of a helper, which is killed if it takes too long; None if it knows no login."""
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise _LoginError(
            f"docker-credential-{name} cannot be started: {error.strerror}"
        ) from error
    try:
        async with asyncio.timeout(limit_s):
            answer = await _talk(process, f"docker-credential-{name}", key)
            status = await process.wait()
    except TimeoutError as error:
        words = f"docker-credential-{name} did not answer within {limit_s:g} s"
        raise _LoginError(words) from error
    finally:
        with suppress(ProcessLookupError):  # the helper's own processes are killed, too
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(TimeoutError):
            async with asyncio.timeout(_ENDS_S):
                await _see_it_end(process)
    if status == 0:
        return answer
    if _NOT_FOUND in answer:
        return None
    raise _LoginError(f"docker-credential-{name} failed with status {status}")


async def _see_it_end(process: asyncio.subprocess.Process) -> None:
    """Wait for the process's end, which asyncio notices only once its output was read."""
    assert process.stdout is not None
    while await process.stdout.read(4096):
        pass
    await process.wait()


async def _talk(process: asyncio.subprocess.Process, name: str, key: str) -> bytes:
    """Write the registry's name to the helper's stdin, and read its answer.

    Raises _LoginError if the answer is too long.
    """
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(ConnectionError):  # a helper may answer without reading
        process.stdin.write(key.encode())
        await process.stdin.drain()
    process.stdin.close()
    answer = bytearray()
    while more := await process.stdout.read(4096):
        answer += more
        if len(answer) > LARGEST_ANSWER_BYTES:
            raise _LoginError(f"{name} answered over {LARGEST_ANSWER_BYTES} bytes")
    return bytes(answer)


def _from_file(config: Mapping[str, Any], key: str, host: str) -> Login | None:
    entry = _entry(config, key, host)
    token = entry.get("identitytoken")
    if isinstance(token, str) and token:
        return Login(identity_token=token)
    user, password = entry.get("username"), entry.get("password")
    packed = entry.get("auth")
    if isinstance(packed, str) and packed:
        try:
            user, colon, password = base64.b64decode(packed, validate=True).decode().partition(":")
        except ValueError:  # no base64, no UTF-8, or not even ASCII
            colon = ""
        if not colon:
            raise _LoginError("`auth` in config.json is not the base64 of user:password")
        password = password.rstrip("\0") if password else password
    if isinstance(user, str) and isinstance(password, str) and user:
        return Login(user, password)
    return None


def _that_can_be_sent(login: Login | None) -> Login | None:
    """The login. Raises _LoginError if it has half of a surrogate pair, which JSON can hold."""
    try:
        if login is not None:
            (login.user + login.password + login.identity_token).encode()
    except UnicodeEncodeError:
        # The cause is left out, because its words hold the login.
        raise _LoginError("the login is no text that can be sent") from None
    return login


def _entry(config: Mapping[str, Any], key: str, host: str) -> Mapping[str, Any]:
    """The entry of `auths` for the registry, whose name has a scheme and a path in old files."""
    auths = _mapping(config.get("auths") or {}, "auths")
    hosts = _HUB_HOSTS if host == _HUB else (host,)
    names = [one for one in auths if _host_of(one) in hosts]
    name = key if key in auths else next(iter(names), None)
    return {} if name is None else _mapping(auths[name] or {}, "an entry of auths")


def _host_of(name: str) -> str:
    return name.removeprefix("https://").removeprefix("http://").partition("/")[0].lower()


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _LoginError(f"{what} is no JSON object")
    return value
