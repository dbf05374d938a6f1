"""A daemon that cannot listen: what it says, and that no engine hears of it."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.runner.typed import dojo_runner


@pytest.mark.parametrize(
    ("host", "variable"),
    [("127.0.0.1", "CYBER_DOJO_RUNNER_PORT"), ("192.0.2.1", "CYBER_DOJO_RUNNER_HOST")],
    ids=["a port that is taken", "an address of others"],
)
async def test_a_daemon_that_cannot_listen(tmp_path: Path, host: str, variable: str) -> None:
    """A daemon that cannot listen names the variable in one line, and asks the engine nothing."""
    questions = 0

    def asked(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal questions
        questions += 1
        writer.close()

    path = tmp_path / "engine.sock"
    engine = await asyncio.start_unix_server(asked, path)
    async with engine:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            said = await dojo_runner(
                "serve",
                DOCKER_HOST=f"unix://{path}",
                CYBER_DOJO_RUNNER_HOST=host,
                CYBER_DOJO_RUNNER_PORT=str(port),
            )

    assert (said.status, said.stderr.count("\n")) == (1, 1)
    assert said.stderr.startswith(f"dojo-runner: cannot listen on {host}:{port}: ")
    assert said.stderr.endswith(f" ({variable})\n")
    assert questions == 0
