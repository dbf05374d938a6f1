"""Ways to run a kata, which are measured beside each other."""

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from typing import Any

import aiohttp

from bench import docker_run
from bench.katas import Answer, Workload
from bench.limit import NONCE, Chroot, chroot_of, request_of
from bench.load import Run, Verdict, hits_and_misses, over_http
from bench.results import OK
from runner.client import RunnerClient, RunnerError
from runner.container.answer import Frame, Harvest, unpack
from runner.container.hand_over import pack
from runner.run.delta import MOST_CREATED, touched
from runner.settings import Reuse
from scripts.daemon import ROOT, daemon

SETTLED_WITHIN_S = 120.0
ASK_AGAIN_S = 0.05  # asking more often would show in the CPU of a run
REMOVAL_S = 0.2  # the removal of a container, whose end no daemon tells
PLACES = (os.cpu_count() or 1) + 1  # how many run at once in a daemon, see docs/settings.md

LIMIT, WARM, CELLS, MISS, DOCKER_RUN = "limit", "warm", "cells", "miss", "docker-run"
# The same, but the engine makes each container's network: what it is worth that networks are lent.
WARM_OWN, MISS_OWN = "warm-own", "miss-own"
SERVER = "server"
TITLES = {
    LIMIT: "chroot (the limit)",
    WARM: "warm, single use",
    CELLS: "warm, cells",
    MISS: "miss",
    DOCKER_RUN: "docker run",
    WARM_OWN: "warm, single use; no network lent",
    MISS_OWN: "miss; no network lent",
    SERVER: "server",
}
WAYS = (LIMIT, WARM, CELLS, MISS, DOCKER_RUN)
ALL_WAYS = (*WAYS, WARM_OWN, MISS_OWN)


class WayError(Exception):
    """A way does not do what its name says, or cannot be measured here."""


class Way:
    """One way to run a kata.

    `in_waves`: a container serves one run, so before each wave of runs the benchmark waits until
    each run has a warm container. `settling_s`: for so long after `settle` the engine may still
    remove containers. The methods that most ways do not need do nothing here.
    """

    name: str
    in_waves = False
    settling_s = 0.0

    async def prepare(self, workload: Workload, at_once: int) -> None:
        """Do the work that is not measured, before `at_once` runs at a time."""

    def run_of(self, workload: Workload) -> Run:
        """Its verdict is OK or the error's name; raises WrongAnswerError."""
        raise NotImplementedError

    async def settle(self, workload: Workload, at_once: int) -> None:
        """Wait until runs' background work is done, and the way is ready for `at_once` more."""

    async def takes(self, workload: Workload) -> tuple[int, int] | None:  # noqa: ARG002
        """Hits and misses so far, of a server that tells."""
        return None


class Limit(Way):
    """Runs in a chroot of the image."""

    name = LIMIT

    def __init__(self, stack: contextlib.AsyncExitStack) -> None:
        self._stack = stack
        self._chroots: dict[str, Chroot] = {}

    async def prepare(self, workload: Workload, at_once: int) -> None:
        """Unpack the image, start the lanes."""
        image = workload.kata.image_name
        if image not in self._chroots:
            self._chroots[image] = await self._stack.enter_async_context(chroot_of(image))
        await self._chroots[image].prepare(at_once)

    def run_of(self, workload: Workload) -> Run:
        """The tgz is made once: what a daemon spends on it is no part of the limit."""
        chroot, request = self._chroots[workload.kata.image_name], request_of(workload.kata)

        async def run() -> Verdict:
            answer = await chroot.run(request)
            return lambda: _verdict(workload, _harvest_of_frame(answer))

        return run


class DockerRun(Way):
    """A container for each request."""

    name = DOCKER_RUN

    def __init__(self) -> None:
        self._images: dict[str, str] = {}

    async def prepare(self, workload: Workload, at_once: int) -> None:  # noqa: ARG002 - a Way
        """Make an image with the one command that the harvest needs more."""
        image = workload.kata.image_name
        if image not in self._images:
            self._images[image] = await docker_run.image_with_file(image)

    def run_of(self, workload: Workload) -> Run:
        """Make a run; a container that the engine refuses is an error that is counted."""
        image, tgz = self._images[workload.kata.image_name], pack(workload.kata)

        async def run() -> Verdict:
            try:
                answer = await docker_run.run(image, tgz)
            except OSError:
                return lambda: "docker run failed"
            return lambda: _verdict(workload, unpack(answer))

        return run


class Server(Way):
    """Any service that speaks the contract at that address."""

    name = SERVER

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self.url = url

    def run_of(self, workload: Workload) -> Run:
        """Make a run over HTTP, colour included."""
        return over_http(
            self._http, self.url, workload.kata, lambda result: _verdict_of(workload, result)
        )

    async def takes(self, workload: Workload) -> tuple[int, int] | None:
        """Hits and misses, if the service has a /health like ours."""
        with contextlib.suppress(RunnerError, LookupError, TypeError, ValueError):
            return hits_and_misses(await self._health(), workload.kata.image_name)
        return None

    async def _health(self) -> Mapping[str, Any]:
        async with RunnerClient(self.url) as client:
            return await client.health()


class Daemon(Server):
    """A daemon of this project, which tells when it has settled."""

    def __init__(
        self, name: str, http: aiohttp.ClientSession, url: str, *, warm: int, in_waves: bool
    ) -> None:
        super().__init__(http, url)
        self.name = name
        self.in_waves = in_waves
        self.settling_s = 0.0 if name == CELLS else REMOVAL_S
        self._warm = warm

    async def prepare(self, workload: Workload, at_once: int) -> None:
        """A first run makes it a pool of the image, and fills it. Raises WayError."""
        if self.name == CELLS:
            await self._until(lambda of_health: of_health["reuse"]["kind"] == "cells")
        if workload.kata.image_name not in (await self._health())["images"]:
            await self.run_of(workload)()
        await self.settle(workload, at_once)

    async def settle(self, workload: Workload, at_once: int) -> None:
        """As many are warm as will be taken, and no start or run goes on. Raises WayError."""
        wanted, image = min(at_once, self._warm), workload.kata.image_name

        def is_settled(of_health: Mapping[str, Any]) -> bool:
            pool = of_health["images"][image]
            return bool(
                pool["warm"] >= wanted and not pool["starting"] and not of_health["running"]
            )

        await self._until(is_settled)

    async def _until(self, condition: Callable[[Mapping[str, Any]], bool]) -> None:
        until_s = time.perf_counter() + SETTLED_WITHIN_S
        async with RunnerClient(self.url) as client:
            while not condition(of_health := await client.health()):
                if time.perf_counter() > until_s:
                    raise WayError(f"{self.name} is not as it should be: {of_health}")
                await asyncio.sleep(ASK_AGAIN_S)


@contextlib.asynccontextmanager
async def opened(
    names: Collection[str], http: aiohttp.ClientSession, *, most_at_once: int | None
) -> AsyncIterator[dict[str, Way]]:
    """Those ways, each in a daemon of its own where it needs one.

    With `most_at_once` the pools have a fixed size, so that a hit is a hit; without, the daemon's
    own defaults hold.
    """
    ways: dict[str, Way] = {}
    async with contextlib.AsyncExitStack() as stack:

        def served(name: str, warm: int | None, **settings: str) -> Way:
            if warm is not None:
                settings |= {"CYBER_DOJO_RUNNER_WARM": str(warm)} | _roomy(warm)
            log = ROOT / ".state" / f"bench-{name}.log"
            url = stack.enter_context(daemon(log, **settings))
            in_waves = name in (WARM, WARM_OWN) and warm is not None
            return Daemon(name, http, url, warm=1 if warm is None else warm, in_waves=in_waves)

        def cells_warm() -> int | None:
            return None if most_at_once is None else PLACES + 1

        makers: Mapping[str, Callable[[], Way]] = {
            LIMIT: lambda: Limit(stack),
            WARM: lambda: served(WARM, most_at_once, **_reuse(Reuse.NEVER)),
            CELLS: lambda: served(CELLS, cells_warm(), **_reuse(Reuse.CELLS)),
            MISS: lambda: served(MISS, 0, **_reuse(Reuse.NEVER)),
            DOCKER_RUN: DockerRun,
            WARM_OWN: lambda: served(WARM_OWN, most_at_once, **_reuse(Reuse.NEVER), **_NONE_LENT),
            MISS_OWN: lambda: served(MISS_OWN, 0, **_reuse(Reuse.NEVER), **_NONE_LENT),
        }
        for name in names:
            ways[name] = makers[name]()
        yield ways


_NONE_LENT = {"CYBER_DOJO_RUNNER_NETWORK_HOLDERS": "0"}


def _reuse(how: Reuse) -> dict[str, str]:
    return {"CYBER_DOJO_RUNNER_REUSE": how.value}


def _roomy(warm: int) -> dict[str, str]:
    """How many containers the host may have, so that both pools fill and nothing is evicted."""
    return {
        "CYBER_DOJO_RUNNER_HOST_CONTAINERS": str(2 * warm + 2 * PLACES),
        "CYBER_DOJO_RUNNER_HOST_MEMORY_MIB": "4096",
    }


def _harvest_of_frame(answer: bytes) -> Harvest:
    frame = Frame(NONCE)
    frame.feed(answer)
    return unpack(frame.archives(), is_cut=not frame.is_complete)


def _verdict(workload: Workload, harvest: Harvest) -> str:
    files = touched(workload.kata.files, harvest.files, harvest.cut)
    changed = sum(name in workload.kata.files for name in files)
    created = sum(
        name not in workload.kata.files and b"\0" not in content for name, content in files.items()
    )
    status, stdout = harvest.status or "none", harvest.stdout.decode(errors="replace")
    workload.check(Answer(status, stdout, min(created, MOST_CREATED), changed))
    return OK


def _verdict_of(workload: Workload, result: Mapping[str, Any]) -> str:
    workload.check(
        Answer(
            result["status"],
            result["stdout"]["content"],
            len(result["created"]),
            len(result["changed"]),
            result["outcome"],
        )
    )
    return OK
