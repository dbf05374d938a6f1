"""`dojo-runner image check`: holds an image to the contract, one line for each requirement."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from pool import DockerClient, DockerHost, DockerImages, ImageFacts, ImageMissingError, usual_name
from runner.authors.local import own_daemon
from runner.cli.terminal import WRONG, CommandError, told
from runner.client import RunnerClient
from runner.doctor.findings import Finding, Level, ok
from runner.doctor.image import MIB, Pool, look_into, of_pool, of_run
from runner.doctor.show import tell
from runner.environment import read_settings
from runner.settings import Reuse

_INSIDE = Path(__file__).with_name("inside.sh")
RUN_S = 10.0


def check_image(
    name: str,
    *,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON, for programs")
    ] = False,
) -> int:
    """Check an image of this node against all that the service requires of it.

    The exit status is 0 if it has all, 42 if it lacks something, and 1 if it cannot be looked at.
    """
    return told(_check(name, as_json=as_json))


async def _check(name: str, *, as_json: bool) -> int:
    settings = read_settings()
    client = DockerClient(settings.docker_host, lambda _error: None)
    try:
        facts = await DockerHost(client).image(name)
        async with aclosing(_findings(name, facts, client)) as findings:
            worst = await tell(findings, as_json=as_json)
    except ImageMissingError as error:
        raise CommandError(f"{name} is not on this node: pull it (`dojo-runner pull`)") from error
    finally:
        await client.close()
    return WRONG if worst is Level.PROBLEM else 0


async def _findings(
    name: str, facts: ImageFacts, client: DockerClient
) -> AsyncGenerator[Finding, None]:
    yield ok("image", f"{facts.image_id.removeprefix('sha256:')[:12]}, {facts.architecture}")
    yield ok("size", f"{facts.size_bytes / MIB:.0f} MiB")
    for finding in await look_into(DockerImages(client, {}), facts.image_id):
        yield finding
    async with own_daemon(Reuse.AUTO) as url, RunnerClient(url, patience_s=1.0) as runner:
        files = {"cyber-dojo.sh": _INSIDE.read_text()}
        result = await runner.run(files, name, max_seconds=RUN_S, id="image-check")
        health = await runner.health()
    for finding in of_run(result):
        yield finding
    for finding in of_pool(Pool.of(health, usual_name(name)), facts.volumes):
        yield finding
