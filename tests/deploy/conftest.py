"""What the tests of deployment share."""

import asyncio
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.deploy.commands import IMAGE, ROOT, environment


@pytest.fixture(scope="session")
async def image() -> str:
    """The service's image, made as "make image" makes it, with those that stand beside it."""
    making = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "images" / "service.py"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env=environment(),
    )
    said, _ = await making.communicate()
    assert making.returncode == 0, said.decode()
    return IMAGE


@pytest.fixture
async def web() -> AsyncIterator[aiohttp.ClientSession]:
    """A client with a new connection for each request."""
    connector = aiohttp.TCPConnector(force_close=True)
    limit = aiohttp.ClientTimeout(total=28)
    async with aiohttp.ClientSession(connector=connector, timeout=limit) as session:
        yield session
