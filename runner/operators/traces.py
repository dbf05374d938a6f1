"""Runs as spans of OpenTelemetry, for a collector: an optional extra, not loaded otherwise."""

from typing import Protocol

from loguru import logger

from runner.run.record import RunRecord
from runner.settings import Settings


class Traces(Protocol):
    """Where runs go that have ended."""

    def run_ended(self, run: RunRecord) -> None:
        """A run has ended."""

    def close(self) -> None:
        """Take on no more, and begin to send what is left. Twice is harmless."""

    async def closed(self) -> None:
        """Wait until all is sent, or not for long."""


def traces_of(settings: Settings, *, version: str) -> Traces | None:
    """To the collector of the settings; None if they name none, or if the extra is missing."""
    url = settings.otlp_traces_url
    if not url:
        return None
    try:
        from runner.operators import spans  # noqa: PLC0415 - a quarter of a second, and optional
    except ImportError:
        logger.bind(collector=url).warning("no traces: install dojo-runner[otel]")
        return None
    return spans.Spans(spans.to_collector(url), version=version, replica=settings.replica_name)
