"""Has a daemon pull an image, for commands that need it on the daemon's node."""

import asyncio
import time

from pool import usual_name
from runner.cli.terminal import CommandError
from runner.client import RunnerClient

_WITHIN_S = 600.0
_ASKED_EVERY_S = 0.5


async def have_image(client: RunnerClient, image_name: str) -> None:
    """Wait until the daemon's node has the image, pulling it if need be. Raises CommandError."""
    if await client.pull_image(image_name) == "pulled":
        return
    until_s = time.monotonic() + _WITHIN_S
    while usual_name(image_name) in (await client.health()).get("pulling", ()):
        if time.monotonic() > until_s:
            raise CommandError(f"{image_name} was not pulled within {_WITHIN_S:g} s")
        await asyncio.sleep(_ASKED_EVERY_S)
    if await client.pull_image(image_name) != "pulled":
        raise CommandError(f"{image_name} is not on this node, and could not be pulled")
