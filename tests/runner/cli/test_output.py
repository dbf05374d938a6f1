"""What a command prints is written; a reader that leaves, or Ctrl-C, ends it without a trace."""

import asyncio
import signal
import sys

import pytest

from tests.daemon_process import environment
from tests.runner.typed import WITHIN_S

FAILED, INTERRUPTED = 1, 130
COMMAND = f"{sys.executable} -m runner"


async def shell(words: str) -> tuple[int, str]:
    """The exit status of a line of bash, and what came on stderr."""
    process = await asyncio.create_subprocess_exec(
        *("bash", "-c", words),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment(),
    )
    _, stderr = await asyncio.wait_for(process.communicate(), WITHIN_S)
    assert process.returncode is not None
    return process.returncode, stderr.decode()


@pytest.mark.long_with("completion bash")
@pytest.mark.parametrize("words", ["--help", "config", "completion bash"])
async def test_a_full_disk(words: str) -> None:
    """Output that cannot be written is an error of one line, whichever part of the
    program prints.
    """
    status, stderr = await shell(f"{COMMAND} {words} > /dev/full")

    assert status == FAILED
    assert stderr.count("\n") == 1


@pytest.mark.long_with("completion bash")
@pytest.mark.parametrize("words", ["--help", "config", "completion bash"])
async def test_a_reader_that_has_seen_enough(words: str) -> None:
    """`dojo-runner ... | head -1` prints no error of ours."""
    status, stderr = await shell(f"{COMMAND} {words} | true; exit ${{PIPESTATUS[0]}}")

    assert (status, stderr) in ((0, ""), (FAILED, ""))


@pytest.mark.parametrize("closed", [">&-", ">&- 2>&-"])
async def test_closed_streams(closed: str) -> None:
    """A program that is started without stdout and stderr does its work."""
    assert await shell(f"{COMMAND} config {closed}") == (0, "")


async def test_ctrl_c() -> None:
    """A command that is interrupted while it waits ends with 130, and prints no trace."""
    asked = asyncio.Event()

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "runner", "status", "--url", f"http://127.0.0.1:{port}"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environment(),
        )
        await asyncio.wait_for(asked.wait(), WITHIN_S)
        process.send_signal(signal.SIGINT)
        stdout, stderr = await asyncio.wait_for(process.communicate(), WITHIN_S)

    assert (process.returncode, stdout, stderr) == (INTERRUPTED, b"", b"")


async def test_ctrl_c_while_a_command_is_read() -> None:
    """The command is not yet there that could end itself, and there is no trace of that, either."""
    command = "lambda: exec('raise KeyboardInterrupt')"
    code = f"from runner.cli.output import ended; exit(ended({command}))"

    assert await shell(f'{sys.executable} -c "{code}"') == (INTERRUPTED, "")
