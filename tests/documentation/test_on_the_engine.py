"""The commands that need an engine, on the real one."""

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from tests.conftest import DOCKER_IMAGE
from tests.daemon_process import DOCKER_HOST, free_port
from tests.documentation.claims import claimed_by
from tests.documentation.pages import ROOT
from tests.documentation.shell import replaced, shell
from tests.documentation.terminal import terminal
from tests.listening import listening
from tests.runner.authors.folders import pytest_start_point
from tests.runner.typed import dojo_runner
from tests.serving import STATUS_LAMBDA

LINES = sorted({command.line for command in claimed_by(__file__)})
[SERVE] = [line for line in LINES if line.endswith(" serve")]

pytestmark = [pytest.mark.docker, pytest.mark.long, pytest.mark.timeout(300)]


@pytest.mark.parametrize("line", [line for line in LINES if line != SERVE])
async def test_it_ends_well(tmp_path: Path, line: str) -> None:
    """`doctor` and the checks for authors find nothing wrong with this host, an
    image and a start point.
    """
    stand_for = {"NAME": DOCKER_IMAGE, "FOLDER": str(pytest_start_point(tmp_path))}
    words = [stand_for.get(word, word) for word in line.split()[1:]]

    said = await dojo_runner(*words, CYBER_DOJO_RUNNER_PORT=str(free_port()))

    assert said.status == 0, said
    assert said.stdout


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The URL of a collector of traces, and the event that it got some."""
    got = asyncio.Event()

    async def take(_: web.Request) -> web.Response:
        got.set()
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with listening(app) as address:
        yield f"http://{address}", got


async def test_a_daemon_whose_runs_a_collector_gets(tmp_path: Path) -> None:
    """The daemon serves with the variable that the page names, until Ctrl-C."""
    start_point, port = pytest_start_point(tmp_path / "my-kata"), str(free_port())
    settings = {"DOCKER_HOST": DOCKER_HOST, "CYBER_DOJO_RUNNER_PORT": port}
    async with (
        collector() as (url, got),
        terminal(replaced(SERVE, {"http://collector:4318": url}), tmp_path, **settings) as shown,
    ):
        await shown.shows("ready for runs")
        said = await dojo_runner("run", start_point, "--url", f"http://127.0.0.1:{port}")
        status = await shown.ctrl_c()

    assert (said.status, status) == (0, 0), said
    assert got.is_set()


async def test_an_image_with_the_page_s_user_and_lambda(tmp_path: Path) -> None:
    """What docs/language_images.md adds to a Dockerfile makes Debian an image that has all."""
    page = (ROOT / "docs" / "language_images.md").read_text()
    [added] = re.findall(r"```dockerfile\n(.*?)```", page, re.DOTALL)
    (tmp_path / "Dockerfile").write_text(f"FROM dojo-runner/base:latest\n{added}")
    (tmp_path / "red_amber_green.rb").write_text(STATUS_LAMBDA)
    name = f"dojo-test/{uuid.uuid4().hex[:12]}"

    built = await shell(f"docker build --tag {name} .", tmp_path, DOCKER_HOST=DOCKER_HOST)
    said = await dojo_runner("image", "check", name)
    removed = await shell(f"docker rmi {name}", DOCKER_HOST=DOCKER_HOST)

    assert (built.status, said.status, removed.status) == (0, 0, 0), (built, said)
