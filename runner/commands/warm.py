"""`dojo-runner warm`: has a daemon keep containers of an image warm for a while."""

from typing import Annotated

from cyclopts import Parameter

from pool import is_well_formed
from runner.cli.terminal import CommandError, console, print_json, told
from runner.client import RunnerClient
from runner.environment import read_settings


def warm(
    image: str,
    *,
    containers: Annotated[
        int, Parameter(name=["--containers", "-n"], help="how many to keep warm")
    ] = 1,
    url: Annotated[str, Parameter(help="the daemon")] = "http://127.0.0.1:4597",
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON, for programs")
    ] = False,
) -> int:
    """Have a daemon keep so many containers of an image warm for a quarter of an hour.

    The daemon's token is read from CYBER_DOJO_RUNNER_ACTS_TOKEN, as the daemon itself reads it: an
    argument could be seen by every user of the machine.
    """
    return told(_warm(image, containers, url, as_json=as_json))


async def _warm(image: str, containers: int, url: str, *, as_json: bool) -> int:
    if not is_well_formed(image):
        raise CommandError(f"no image can have the name {image!r}")
    token = read_settings().acts_token.get_secret_value()
    if not token:
        raise CommandError("set CYBER_DOJO_RUNNER_ACTS_TOKEN to the token of the daemon")
    async with RunnerClient(url) as client:
        target = await client.warm(image, containers, token=token)
    if as_json:
        print_json({"image": image, "target": target})
    else:
        console().print(f"{image}: {target} containers are kept warm", markup=False)
    return 0
