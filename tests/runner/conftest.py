"""What tests of several rooms share."""

import os
from collections.abc import Iterator

import pytest

from runner.configuration.variables import PREFIX


@pytest.fixture
def environ() -> Iterator[dict[str, str]]:
    """The environment without any settings, restored afterwards."""
    before = dict(os.environ)
    for name in before:
        if name.startswith(PREFIX) or name in ("DOCKER_HOST", "COMMIT_SHA"):
            del os.environ[name]
    yield os.environ  # type: ignore[misc]
    os.environ.clear()
    os.environ.update(before)
