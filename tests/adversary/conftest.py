"""Daemons as processes of their own, one for each delivery, with and without cells."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.adversary.support import BUSYBOX, GCC, PYTHON, Victim
from tests.daemon_process import Daemon, daemon


@pytest_asyncio.fixture(scope="package")
async def daemons(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Daemon]]:
    """One daemon for each delivery, with and without cells, whose pools are as small as can be."""
    folder = tmp_path_factory.mktemp("adversary")
    async with (
        daemon(folder, delivery="attach", warm="1", runs_at_once="8") as attach,
        daemon(folder, delivery="exec", warm="1", runs_at_once="8") as execs,
        daemon(folder, reuse="cells", warm="1", runs_at_once="8") as cells,
    ):
        assert (await cells.health())["reuse"]["kind"] == "cells"
        for one in (attach, execs, cells):
            for image in (GCC, PYTHON, BUSYBOX):
                await one.run(image, "true")
            await one.settled()
        yield {"attach": attach, "exec": execs, "cells": cells}


@pytest.fixture(params=["attach", "exec", "cells"])
def victim(daemons: dict[str, Daemon], request: pytest.FixtureRequest) -> Victim:
    """Each delivery's and each kind's, where the delivery matters."""
    return Victim(daemons[request.param])


@pytest.fixture(params=["attach", "exec"])
def single_use(daemons: dict[str, Daemon], request: pytest.FixtureRequest) -> Victim:
    """Each delivery's, with a container for each run."""
    return Victim(daemons[request.param])


@pytest.fixture
def cells(daemons: dict[str, Daemon]) -> Victim:
    """The one with a cell for each run."""
    return Victim(daemons["cells"])


@pytest.fixture(params=["attach", "cells"])
def attached(daemons: dict[str, Daemon], request: pytest.FixtureRequest) -> Victim:
    """The daemons of the default delivery, with and without cells, if the delivery
    does not matter.
    """
    return Victim(daemons[request.param])
