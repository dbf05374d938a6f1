"""`dojo-runner pull`: fetches an image, by itself or through a daemon."""

from collections.abc import AsyncIterator
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn

from pool import DockerClient, DockerHost, LayerProgress, is_well_formed, usual_name
from runner.cli.images import have_image
from runner.cli.terminal import CommandError, console, errors, print_json, told
from runner.client import RunnerClient
from runner.environment import read_settings
from runner.visible import visible_line


def pull(
    image: str,
    *,
    url: Annotated[str | None, Parameter(help="have this daemon pull, and warm, it")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative="", help="print JSON, for programs")
    ] = False,
) -> int:
    """Pull an image to this node, and show how far each of its layers is.

    With --url the node is that of a daemon, which tells only when the image is there. The exit
    status is 1 if the image cannot be pulled.
    """
    return told(_pull(image, url, as_json=as_json))


async def _pull(image: str, url: str | None, *, as_json: bool) -> int:
    if not is_well_formed(image):
        raise CommandError(f"no image can have the name {image!r}")
    name = usual_name(image)
    if url is None:
        await _by_ourselves(name, is_quiet=as_json)
    else:
        with errors().status(f"pulling {name}"):
            async with RunnerClient(url) as client:
                await have_image(client, name)
    if as_json:
        print_json({"image": name, "pulled": True})
    else:
        console().print(f"{name} is on the node", markup=False)
    return 0


async def _by_ourselves(name: str, *, is_quiet: bool) -> None:
    client = DockerClient(read_settings().docker_host, lambda _error: None)
    try:
        layers = DockerHost(client).pull(name)
        if is_quiet or not errors().is_terminal:
            await _in_lines(layers, is_quiet=is_quiet)
        else:
            await _in_bars(layers)
    finally:
        await client.close()


async def _in_lines(layers: AsyncIterator[LayerProgress], *, is_quiet: bool) -> None:
    """A line whenever a layer's status changes."""
    known: dict[str, str] = {}
    async for one in layers:
        if known.get(one.layer) != one.status and not is_quiet:
            words = f"{one.layer}: {one.status}" if one.layer else one.status
            errors().print(visible_line(words), markup=False, soft_wrap=True)
        known[one.layer] = one.status


async def _in_bars(layers: AsyncIterator[LayerProgress]) -> None:
    """A bar for each layer."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn())
    bars: dict[str, TaskID] = {}
    with Progress(*columns, console=errors()) as progress:
        async for one in layers:
            if not one.layer:
                continue
            if one.layer not in bars:
                bars[one.layer] = progress.add_task(visible_line(one.layer), total=None)
            bar = bars[one.layer]
            progress.update(bar, description=visible_line(f"{one.layer} {one.status}"))
            if one.total_bytes:
                progress.update(bar, total=one.total_bytes, completed=one.done_bytes)
