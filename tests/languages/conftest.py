"""A daemon for each kind of container."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.daemon_process import Daemon, daemon

KINDS = {"single-use": "never", "cells": "cells"}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """The kind of container that is wanted."""
    wanted: str = request.param
    return wanted


@pytest_asyncio.fixture(scope="module")
async def running(kind: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    """A daemon that uses this kind wherever an image can have it.

    A run may take longer than learners would wait, as these tests may share a machine.
    """
    folder = tmp_path_factory.mktemp("languages")
    async with daemon(
        folder, warm="1", reuse=KINDS[kind], max_seconds_cap="60", budget_s="75"
    ) as running:
        yield running
