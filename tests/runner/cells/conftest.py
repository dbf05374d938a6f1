"""The real engine, for tests of cells."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.runner.cells.support import Engine, engine_of_cells


@pytest_asyncio.fixture(scope="module")
async def engine() -> AsyncIterator[Engine]:
    """Everything that a container of cells needs."""
    async with engine_of_cells() as engine:
        yield engine
