"""Sends runs as spans of OpenTelemetry to a collector, if the settings name one.

That needs the extra `otel`, which is not loaded otherwise.
"""

from typing import Protocol

from loguru import logger

from runner.configuration.addresses import masked
from runner.run.record import RunRecord
from runner.settings import Settings


class Traces(Protocol):
    """Takes runs that have ended, and sends them."""

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended."""

    def close(self) -> None:
        """Take on no more runs, and begin to send the rest. Twice is harmless."""

    async def closed(self) -> None:
        """Wait until all is sent, but not for long."""


def traces_of(settings: Settings, *, version: str) -> Traces | None:
    """The traces for the collector of the settings; None without one, or without the extra."""
    url = settings.otlp_traces_url
    if not url:
        return None
    try:
        from runner.operators import spans  # noqa: PLC0415 - a quarter of a second, and optional
    except ImportError:
        logger.bind(collector=masked(url)).warning("no traces: install dojo-runner[otel]")
        return None
    return spans.Spans(spans.to_collector(url), version=version, replica=settings.replica_name)
