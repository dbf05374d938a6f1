"""A client of the daemon's HTTP API, with types: docs/api.md tells what each call promises."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

from runner.configuration.addresses import masked
from runner.http.statuses import ASKS_FOR_TIMINGS, BUSY, OK

ANSWERS_WITHIN_S = 40.0  # a run is answered within 26 s, unless the daemon's budget is set higher
ANY_BUDGET_S = 125.0  # a run is answered within this time even with the highest budget, 120 s
CONNECTS_WITHIN_S = 5.0
LONGEST_RETRY_AFTER_S = 5.0


class RunnerError(Exception):
    """The daemon cannot be reached, or its answer is not of the API; the message says which."""


class RefusedError(RunnerError):
    """The daemon refused the request. The message is the daemon's; `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BusyError(RefusedError):
    """The daemon has too much to do, and asks its client to try again after `retry_after_s`."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(BUSY, message)
        self.retry_after_s = retry_after_s


@dataclass(frozen=True)
class Text:
    """A text of the answer; `truncated` if it is only the beginning."""

    content: str
    truncated: bool


@dataclass(frozen=True)
class Result:
    """The result of a run. `outcome` is red, amber, green, timed_out, faulty or pulling.

    `status` is the exit status of cyber-dojo.sh as text, or one of the codes 141 to 145. `timings`
    are the daemon's figures: the milliseconds of each phase and of the whole run (`total`), and
    what the run took of the machine.
    """

    stdout: Text
    stderr: Text
    status: str
    outcome: str
    log: Mapping[str, Any] = field(default_factory=dict)
    created: Mapping[str, Text] = field(default_factory=dict)
    changed: Mapping[str, Text] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)


class RunnerClient:
    """Asks one daemon, over connections that it keeps. An asynchronous context manager.

    Each method raises RefusedError, BusyError or RunnerError. Only `run` tries again by itself: as
    long as the daemon is busy, for `patience_s` at the longest. No answer within `answers_within_s`
    is a RunnerError; a daemon whose BUDGET_S is above 35 needs a longer time.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:4597",
        *,
        patience_s: float = 0.0,
        answers_within_s: float = ANSWERS_WITHIN_S,
    ) -> None:
        self._url = url.rstrip("/")
        self._shown = masked(self._url)  # in errors, which are printed and logged
        self._patience_s = patience_s
        self._answers_within_s = answers_within_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(total=self._answers_within_s, connect=CONNECTS_WITHIN_S)
        self._session = aiohttp.ClientSession(timeout=timeout)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def alive(self) -> bool:
        """True if the daemon answers; otherwise an error is raised."""
        return bool(await self._ask("alive", "alive?"))

    async def ready(self) -> bool:
        """Whether the daemon would take on a run."""
        return bool(await self._ask("ready", "ready?"))

    async def sha(self) -> str:
        """The commit that the daemon was built from; may be empty."""
        return str(await self._ask("sha", "sha"))

    async def pull_image(self, image_name: str, *, id: str = "") -> str:  # noqa: A002 - its name
        """`pulled` if the node has the image, else `pulling`: it is being fetched from now on."""
        arguments = {"id": id, "image_name": image_name}
        return str(await self._ask("pull_image", "pull_image", arguments))

    async def run(
        self,
        files: Mapping[str, str],
        image_name: str,
        *,
        max_seconds: float = 10.0,
        rag_lambda: str | None = None,
        hidden_filenames: tuple[str, ...] = (),
        id: str = "",  # noqa: A002 - its name
    ) -> Result:
        """Run `files` in a container of the image. One of the files must be cyber-dojo.sh.

        `rag_lambda` is the Ruby that decides the colour; None: the image's own.
        """
        manifest: dict[str, Any] = {
            "image_name": image_name,
            "max_seconds": max_seconds,
            "hidden_filenames": list(hidden_filenames),
        }
        if rag_lambda is not None:
            manifest["rag_lambda"] = rag_lambda
        arguments = {"id": id, "files": dict(files), "manifest": manifest}
        until_s = asyncio.get_running_loop().time() + self._patience_s
        while True:
            try:
                answer = await self._ask(
                    "run_cyber_dojo_sh", "run_cyber_dojo_sh", arguments, {ASKS_FOR_TIMINGS: "1"}
                )
                return _result(answer)
            except BusyError as busy:
                if asyncio.get_running_loop().time() + busy.retry_after_s > until_s:
                    raise
                await asyncio.sleep(busy.retry_after_s)

    async def health(self) -> dict[str, Any]:
        """The state of the daemon for operators; docs/api.md has the fields."""
        answer, status = await self._get("health", None)
        if status != OK or not _is_health(answer):
            raise RunnerError(f"what answers at {self._shown}/health is no daemon")
        return dict(answer)

    async def warm(self, image_name: str, containers: int, *, token: str) -> int:
        """Keep so many containers of an image warm for a while; returns the pool's target."""
        return await self._act("warm", {"image": image_name, "containers": containers}, token)

    async def drain(self, image_name: str, *, token: str) -> None:
        """Have an image's warm containers discarded."""
        await self._act("drain", {"image": image_name}, token)

    async def _act(self, act: str, arguments: Mapping[str, Any], token: str) -> int:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        answer, status = await self._get(f"acts/{act}", arguments, headers)
        if status == OK and isinstance(answer, dict) and isinstance(answer.get("target"), int):
            return int(answer["target"])
        if isinstance(answer, dict) and "detail" in answer:
            raise RefusedError(status, str(answer["detail"]))
        # This is the answer for an unknown path: a daemon without a token has no acts.
        raise RefusedError(status, f"{self._shown} lets nobody act: it has no ACTS_TOKEN")

    async def _ask(
        self,
        path: str,
        key: str,
        arguments: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        answer, status = await self._get(path, arguments, headers)
        if isinstance(answer, dict) and isinstance(exception := answer.get("exception"), dict):
            raise RefusedError(status, str(exception.get("message")))
        if not isinstance(answer, dict) or key not in answer:
            raise RunnerError(f"what answers at {self._shown}/{path} is no daemon")
        return answer[key]

    async def _get(
        self,
        path: str,
        arguments: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[Any, int]:
        if self._session is None:
            raise RunnerError("the client is not open; use it in an `async with` block")
        url = f"{self._shown}/{path}"
        body = b"" if arguments is None else json.dumps(arguments).encode()
        verb = "GET" if arguments is None else "POST"
        try:
            async with self._session.request(
                verb, f"{self._url}/{path}", data=body, headers=headers
            ) as response:
                answer = await response.json(content_type=None)
                if response.status == BUSY and "Retry-After" in response.headers:
                    raise _busy(answer, response.headers["Retry-After"])
                return answer, response.status
        except TimeoutError as error:
            raise RunnerError(f"no answer from {self._shown} in time") from error
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError) as error:
            raise RunnerError(
                f"{self._shown!r} is no daemon's URL: it must be like http://127.0.0.1:4597"
            ) from error
        except (aiohttp.ClientError, OSError) as error:
            raise RunnerError(f"no answer from {self._shown}: {error}") from error
        except (ValueError, RecursionError) as error:
            raise RunnerError(f"what answers at {url} is no daemon: it sends no JSON") from error


def _is_health(answer: Any) -> bool:
    """Whether this is the health of a daemon, perhaps of another version, not of another server."""
    if not isinstance(answer, dict) or not isinstance(answer.get("status"), str):
        return False
    kinds = {"pulling": list, "reuse": dict, "images": dict}
    pools = answer.get("images", {})
    return all(isinstance(answer.get(key, kind()), kind) for key, kind in kinds.items()) and all(
        isinstance(pool, dict) for pool in pools.values()
    )


def _busy(answer: Any, retry_after: str) -> BusyError:
    message = "the daemon is busy"
    if isinstance(answer, dict) and isinstance(answer.get("exception"), dict):
        message = str(answer["exception"].get("message"))
    seconds = float(retry_after) if retry_after.isdecimal() else 1.0
    return BusyError(message, min(seconds, LONGEST_RETRY_AFTER_S))


def _result(answer: Any) -> Result:
    try:
        return Result(
            stdout=_text(answer["stdout"]),
            stderr=_text(answer["stderr"]),
            status=str(answer["status"]),
            outcome=str(answer["outcome"]),
            log={key: value for key, value in answer["log"].items() if key != "timings"},
            created={name: _text(one) for name, one in answer["created"].items()},
            changed={name: _text(one) for name, one in answer["changed"].items()},
            timings={name: float(one) for name, one in answer["log"].get("timings", {}).items()},
        )
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        raise RunnerError("the answer to a run lacks what the API promises") from error


def _text(answer: Any) -> Text:
    return Text(str(answer["content"]), bool(answer["truncated"]))
