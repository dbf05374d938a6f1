"""A supervisor, what operators hear of it, and an engine."""

from typing import Any

import pytest

from pool import Supervisor
from runner.background import report_bug
from tests.fakes import FakeEngine
from tests.reports import Reports
from tests.serving import Served

from .support import LAUNCHER, RUBY, Operators


@pytest.fixture
async def reports() -> Reports:
    """The reports that the supervisor makes."""
    return Reports()


@pytest.fixture
async def supervisor(reports: Reports) -> Supervisor:
    """A supervisor that logs as the service's does, and lets loops run again soon."""

    def report(name: str, error: BaseException) -> None:
        report_bug(name, error)
        reports(name, error)

    return Supervisor(report, first_pause_s=0.001, longest_pause_s=0.004)


@pytest.fixture
async def operators(
    fake_http: Served, supervisor: Supervisor, logs: list[dict[str, Any]]
) -> Operators:
    """The operators of a service."""
    return Operators(fake_http.service, supervisor, logs)


@pytest.fixture
async def engine() -> FakeEngine:
    """An engine with the images that a service needs for itself."""
    engine = FakeEngine()
    for name in (RUBY, LAUNCHER):
        engine.images.add(name)
    return engine
