"""A whole run on this machine, from the request to its colour, by a daemon of the command's own."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pool import Delivery
from runner.authors.local import own_daemon
from runner.client import RunnerClient, RunnerError
from runner.doctor.findings import Finding, ok, problem, warning
from runner.settings import Reuse, SettingsError
from runner.terminal import CommandError

_SCRIPT = {"cyber-dojo.sh": "echo hello\n"}
_LAMBDA = "lambda { |stdout, _err, status| stdout == %(hello\\n) && status == 0 ? :green : :red }"
# Where the images of languages usually come from.
_OF_KATAS = ("cyberdojofoundation/", "ghcr.io/cyber-dojo-languages/", "cyberdojo/")
_READY = "see `dojo-runner serve`: its log says what it waits for"


@dataclass(frozen=True)
class Trial:
    """How a run was delivered, its result, and what the daemon says of cells."""

    finding: Finding
    cells: Mapping[str, str] | None = None


def kata_image(names: Iterable[str], wanted: Iterable[str], otherwise: str) -> str:
    """The image to try: one of the settings' warm images, or one of a language, or `otherwise`."""
    here = set(names)
    chosen = [name for name in wanted if name in here]
    chosen += sorted(name for name in here if name.startswith(_OF_KATAS))
    return chosen[0] if chosen else otherwise


async def try_run(image: str, delivery: Delivery) -> Trial:
    """Run a line of shell in a container of the image, and have Ruby tell its colour."""
    name = f"a run by {delivery.value}"
    reuse = Reuse.AUTO if delivery is Delivery.ATTACH else Reuse.NEVER
    try:
        async with own_daemon(reuse, delivery) as url, RunnerClient(url, patience_s=1.0) as client:
            began_s = time.perf_counter()
            result = await client.run(
                _SCRIPT, image, max_seconds=5, rag_lambda=_LAMBDA, id="doctor"
            )
            took_ms = 1000 * (time.perf_counter() - began_s)
            cells = (await client.health())["reuse"]
    except (RunnerError, CommandError) as error:
        return Trial(problem(name, str(error), _READY))
    except SettingsError:
        return Trial(problem(name, "not tried", "correct the settings first"))
    if result.outcome == "green":
        return Trial(ok(name, f"{image}, cold, in {took_ms:.0f} ms"), cells)
    if result.outcome == "pulling":
        return Trial(problem(name, f"{image} is not on this node", "pull it first"), cells)
    reason = result.log.get("reason") or result.stderr.content or f"status {result.status}"
    advice = f"see `dojo-runner image check {image}`"
    found = f"{image}: {result.outcome}: {' '.join(str(reason).split())}"
    return Trial(problem(name, found, advice), cells)


def cells(said: Mapping[str, str] | None) -> Finding:
    """The finding about cells, from what a daemon said; None if no daemon could be asked."""
    if said is None:
        return warning("cells", "nobody could try", "see above")
    if said["kind"] == "cells":
        return ok("cells", "can be had, with CYBER_DOJO_RUNNER_REUSE=auto: docs/security.md")
    return warning("cells", said["why_no_cells"], "each run has a container: docs/hosts.md")
