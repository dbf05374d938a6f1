"""The examples of docs/clients.md run as they stand there, but for the address and the image."""

import asyncio
import re
import sys
from pathlib import Path

import pytest

from tests.serving import Served

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
URL, IMAGE = "http://127.0.0.1:4597", "dojo-runner/python-pytest:latest"


def example(language: str, served: Served) -> str:
    """The only example in this language, for this service."""
    [found] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert URL in found
    assert IMAGE in found
    return str(found).replace(URL, served.url).replace(IMAGE, served.image)


async def printed(*words: str, stdin: str) -> str:
    """What a program prints that is given the example; it must end well."""
    process = await asyncio.create_subprocess_exec(
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate(stdin.encode())
    assert process.returncode == 0, stderr.decode()
    return stdout.decode()


@pytest.mark.tools
async def test_curl(fake_http: Served) -> None:
    """The shell prints the answer as it comes."""
    said = await printed("bash", stdin=example("sh", fake_http))

    assert '"outcome":"green"' in said
    assert '"stdout":{"content":"hello\\n"' in said


async def test_python(fake_http: Served) -> None:
    """The client of this project gives the outcome and the output."""
    said = await printed(sys.executable, "-", stdin=example("python", fake_http))

    assert said == "green hello\n\n"


@pytest.mark.tools
async def test_javascript(fake_http: Served) -> None:
    """The example in JavaScript needs only Node's own fetch."""
    said = await printed("node", "--input-type=module", "-", stdin=example("js", fake_http))

    assert said == "green hello\n\n"
