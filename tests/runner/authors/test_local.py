"""A daemon that a command starts for itself, and that does not become ready."""

import pytest

from runner.authors.local import why_not_ready
from runner.settings import Settings


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("engine down", "no Docker engine answers at unix:///there.sock: start it, or give --url"),
        ("starting", "its status is `starting`: try again when the machine is less busy"),
    ],
)
def test_only_an_engine_that_is_away_is_said_to_be_so(status: str, said: str) -> None:
    """A user whose machine is only slow is not told to start an engine that runs."""
    assert said in why_not_ready(status, Settings(_env_file=None, DOCKER_HOST="unix:///there.sock"))
