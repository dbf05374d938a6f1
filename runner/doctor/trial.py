"""A whole run on this machine, from the request to its colour, by a daemon of the command's own."""

import time
from collections.abc import Iterable, Mapping

from pool import Delivery
from runner.authors.local import own_daemon
from runner.cli.terminal import CommandError
from runner.client import Result, RunnerClient, RunnerError
from runner.doctor.findings import Finding, ok, problem, warning, within
from runner.environment import SettingsError
from runner.settings import Reuse

_SCRIPT = {"cyber-dojo.sh": "echo hello\n"}
_LAMBDA = "lambda { |stdout, _err, status| stdout == %(hello\\n) && status == 0 ? :green : :red }"
# Where the images of languages usually come from.
_OF_KATAS = ("cyberdojofoundation/", "ghcr.io/cyber-dojo-languages/", "cyberdojo/")
_READY = "see `dojo-runner serve`: its log says what it waits for"


class Trial:
    """A line of shell in a container of the image, whose colour Ruby tells.

    `finding` and `cells` (what the daemon says of cells) are set as soon as they are known, also if
    the trial does not end within its time. `doing` is the step under way.
    """

    def __init__(self, image: str, delivery: Delivery) -> None:
        self.name = f"a run by {delivery.value}"
        self.doing = "its daemon was being started"
        self.finding: Finding | None = None
        self.cells: Mapping[str, str] | None = None
        self._image = image
        self._delivery = delivery

    async def within(self, limit_s: float) -> Finding:
        """The finding after `limit_s` at the most; it counts even if the daemon does not end."""
        found = await within(limit_s, self.name, self.run, lambda: self.doing)
        return self.finding or found

    async def run(self) -> Finding:
        """Make the run, from the request to the colour, and end the daemon."""
        reuse = Reuse.AUTO if self._delivery is Delivery.ATTACH else Reuse.NEVER
        try:
            async with (
                own_daemon(reuse, self._delivery) as url,
                RunnerClient(url, patience_s=1.0) as client,
            ):
                self.finding = await self._run(client)
                self.cells = (await client.health())["reuse"]
                self.doing = "its daemon was being ended"
        except (RunnerError, CommandError) as error:
            self.finding = problem(self.name, str(error), _READY)
        except SettingsError:
            self.finding = problem(self.name, "not tried", "correct the settings first")
        return self.finding

    async def _run(self, client: RunnerClient) -> Finding:
        self.doing = f"{self._image} was being run"
        began_s = time.perf_counter()
        result = await client.run(
            _SCRIPT, self._image, max_seconds=5, rag_lambda=_LAMBDA, id="doctor"
        )
        took_ms = 1000 * (time.perf_counter() - began_s)
        self.doing = "its daemon was asked about cells"
        return _of_result(self.name, self._image, result, took_ms)


def kata_image(names: Iterable[str], wanted: Iterable[str], otherwise: str) -> str:
    """The image to try: one of the settings' warm images, or one of a language, or `otherwise`."""
    here = set(names)
    chosen = [name for name in wanted if name in here]
    chosen += sorted(name for name in here if name.startswith(_OF_KATAS))
    return chosen[0] if chosen else otherwise


def cells(said: Mapping[str, str] | None) -> Finding:
    """The finding about cells, from what a daemon said; None if no daemon could be asked."""
    if said is None:
        return warning("cells", "could not be tried, because no run was answered", "see above")
    if said["kind"] == "cells":
        return ok("cells", "can be had: docs/security.md")
    return warning("cells", said["why_no_cells"], "each run has a container: docs/hosts.md")


def _of_result(name: str, image: str, result: Result, took_ms: float) -> Finding:
    if result.outcome == "green":
        return ok(name, f"{image}, cold, in {took_ms:.0f} ms")
    if result.outcome == "pulling":
        return problem(name, f"{image} is not on this node", "pull it first")
    reason = result.log.get("reason") or result.stderr.content or f"status {result.status}"
    found = f"{image}: {result.outcome}: {' '.join(str(reason).split())}"
    return problem(name, found, f"see `dojo-runner image check {image}`")
