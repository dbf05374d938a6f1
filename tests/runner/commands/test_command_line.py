"""The command line's questions: `dojo-runner health`, `dojo-runner --version`."""

import asyncio
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from aiohttp import web

from pool import EngineError
from runner.http.probe import NotReadyError, address, ask_if_ready
from runner.settings import Settings
from tests.conftest import ServeFake
from tests.daemon_process import environment, free_port
from tests.fakes import FakeEngine
from tests.listening import listening

ROOT = Path(__file__).parents[3]
HOST = "127.0.0.1"


async def health(**settings: str) -> subprocess.CompletedProcess[str]:
    """What `dojo-runner health` says with these settings in its environment."""
    return await dojo_runner("health", **settings)


async def dojo_runner(argument: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """What the command prints, and its status."""
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "runner", argument],
        env={
            **environment(**settings),
            # Nobody is there: whoever asks a proxy gets no answer.
            **dict.fromkeys(("http_proxy", "HTTP_PROXY", "all_proxy"), "http://127.0.0.1:1"),
        },
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


@asynccontextmanager
async def answering(status: int, text: str) -> AsyncIterator[int]:
    """The port of a server that gives this one answer to everything."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text=text, content_type="application/json")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app, shutdown_s=0) as place:
        yield int(place.rpartition(":")[2])


async def test_version() -> None:
    """The command tells the version of the project, which only pyproject.toml states."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    said = await dojo_runner("--version")

    assert (said.returncode, said.stdout, said.stderr) == (0, f"{project['version']}\n", "")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "localhost"])
async def test_ready(serve_fake: ServeFake, host: str) -> None:
    """A ready daemon gives status 0 and one line with the replica.

    A proxy of the environment is not asked.
    """
    async with serve_fake() as served:
        await served.until_ready()
        replica = (await served.ask("/health", verb="GET")).body["replica"]

        said = await health(host=host, port=served.url.rpartition(":")[2])

    assert (said.returncode, said.stdout, said.stderr) == (0, f"{replica} is ready\n", "")


async def test_draining(serve_fake: ServeFake) -> None:
    """A daemon that is about to stop is not ready: status 1, and one line says so."""
    async with serve_fake() as served:
        await served.until_ready()
        served.service.is_draining = True

        said = await health(port=served.url.rpartition(":")[2])

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    assert "draining" in said.stderr


async def test_engine_down(serve_fake: ServeFake) -> None:
    """A daemon that has heard nothing of its engine is not ready, either."""
    engine = FakeEngine()
    engine.containers.list_error = EngineError("list", "connection refused")
    async with serve_fake(engine) as served:
        port = int(served.url.rpartition(":")[2])

        with pytest.raises(NotReadyError, match="engine down"):
            await asyncio.to_thread(ask_if_ready, HOST, port)


async def test_nobody_there() -> None:
    """Where nobody listens the status is 1, and one line says where."""
    port = free_port()

    said = await health(port=str(port))

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    assert f"no answer from 127.0.0.1:{port}" in said.stderr


async def test_a_bad_setting() -> None:
    """One line names the bad setting, as at the daemon's own start."""
    said = await health(port="http")

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    assert "CYBER_DOJO_RUNNER_PORT" in said.stderr


async def test_a_daemon_whose_sibling_cannot_be_found_does_not_start() -> None:
    """The daemon says in one line which host's name cannot be one, and does not serve."""
    said = await dojo_runner("serve", siblings="runner..lan:4597,127.0.0.1:4999")

    assert (said.returncode, said.stdout) == (1, "")
    assert said.stderr.count("\n") == 1
    assert "CYBER_DOJO_RUNNER_SIBLINGS" in said.stderr
    assert "'runner..lan'" in said.stderr


async def test_systemd_hears_of_a_start_and_of_a_stop(tmp_path: Path) -> None:
    """A daemon that systemd started says when it serves and when it stops, and signs of life."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runner", "serve"),
            env={
                **environment(port=str(free_port())),
                "DOCKER_HOST": f"unix://{tmp_path}/no-engine.sock",
                "NOTIFY_SOCKET": str(tmp_path / "notify"),
                "WATCHDOG_USEC": "20000000",
            },
            stdout=asyncio.subprocess.DEVNULL,
        )
        heard = [await asyncio.to_thread(manager.recv, 100) for _ in range(2)]
        process.terminate()
        heard.append(await asyncio.to_thread(manager.recv, 100))

        assert await process.wait() == 0

    assert {heard[0], heard[1]} == {b"READY=1", b"WATCHDOG=1"}
    assert heard[2] == b"STOPPING=1"


async def test_a_daemon_that_hangs() -> None:
    """If a daemon accepts and says nothing, the command ends at its deadline."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        began_s = time.monotonic()

        with pytest.raises(NotReadyError, match=r"within 0\.2 s"):
            await asyncio.to_thread(ask_if_ready, HOST, server.getsockname()[1], deadline_s=0.2)

    assert time.monotonic() - began_s < 2


@pytest.mark.parametrize(
    ("status", "text"), [(200, "<html>"), (200, "[]"), (200, "{}"), (404, ""), (200, "[" * 200_000)]
)
async def test_somebody_else(status: int, text: str) -> None:
    """An answer that is not a daemon's of ours is told as that."""
    async with answering(status, text) as port:
        with pytest.raises(NotReadyError, match="no dojo-runner"):
            await asyncio.to_thread(ask_if_ready, HOST, port)


async def test_an_answer_that_never_ends() -> None:
    """An answer that comes byte by byte is not awaited beyond the deadline either."""
    with socket.create_server((HOST, 0)) as server:

        def drip() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"x")
                    time.sleep(0.01)

        dripping = asyncio.create_task(asyncio.to_thread(drip))
        with pytest.raises(NotReadyError, match=r"within 0\.2 s"):
            await asyncio.to_thread(ask_if_ready, HOST, server.getsockname()[1], deadline_s=0.2)
        await dripping


def test_a_user_without_a_home_may_serve() -> None:
    """A service of systemd has no HOME, and the user that systemd has made for it is on no list."""
    code = (
        "import os, pwd, sys\n"
        "def nobody(uid):\n    raise KeyError(uid)\n"
        "pwd.getpwuid = nobody\n"
        "del os.environ['HOME']\n"
        "sys.argv = ['dojo-runner', 'serve', '--help']\n"
        "from runner.__main__ import main\n"
        "main()\n"
    )
    said = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", code],
        env={**environment(), "HOME": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (said.returncode, said.stderr) == (0, "")
    assert "dojo-runner serve" in said.stdout


@pytest.mark.parametrize("options", [[], ["--pause-s", "8"]], ids=["plain", "of the image"])
def test_the_health_check_is_cheap(options: list[str]) -> None:
    """The health check imports neither the settings nor an HTTP library, which cost
    a second of a busy CPU.
    """
    code = (
        f"import sys; sys.argv = {['dojo-runner', 'health', *options]}\n"
        "import time; time.sleep = lambda s: None\n"
        "from runner.__main__ import main\n"
        "try:\n    main()\nfinally:\n    print(*sys.modules)\n"
    )
    listed = subprocess.run(  # noqa: S603 - our own Python
        [sys.executable, "-c", code],
        env=environment(port=str(free_port())),
        capture_output=True,
        text=True,
        check=False,
    )
    modules = set(listed.stdout.split())

    assert "runner.http.probe" in modules
    assert not modules & {"aiohttp", "asyncio", "pydantic", "cyclopts", "loguru"}


def test_the_health_check_knows_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without settings the health check asks the host and the port at which a daemon listens."""
    monkeypatch.delenv("CYBER_DOJO_RUNNER_HOST", raising=False)
    monkeypatch.delenv("CYBER_DOJO_RUNNER_PORT", raising=False)
    settings = Settings(_env_file=None)

    assert address() == (settings.host, settings.port)
