"""The limits that hold in this process, whether they were set or are defaults."""

import os
from dataclasses import dataclass

from runner.settings import MIB, Settings


@dataclass(frozen=True)
class Limits:
    """For operators: the log's line at the start, `/health` and the metrics tell them."""

    runs_at_once: int
    queued_runs: int
    containers: int  # warm and in use, of all images; `containers_memory_bytes` may allow fewer
    containers_memory_bytes: int
    containers_of_image: int
    refills_at_once: int
    pulls_at_once: int
    queued_pulls: int
    connections: int
    request_bytes: int
    bodies_bytes: int
    request_seconds: float
    program_seconds: float


def runs_at_once(settings: Settings) -> int:
    """How many runs may go on at once."""
    return settings.runs_at_once or (os.cpu_count() or 1) + 1


def limits_of(settings: Settings) -> Limits:
    """The limits by these settings, on this machine."""
    return Limits(
        runs_at_once=runs_at_once(settings),
        queued_runs=settings.queue,
        containers=settings.host_containers,
        containers_memory_bytes=settings.host_memory_mib * MIB,
        containers_of_image=settings.sizes.maximum,
        refills_at_once=settings.refills_at_once,
        pulls_at_once=settings.pulls_at_once,
        queued_pulls=settings.pulls_queue,
        connections=settings.connections,
        request_bytes=settings.request_max_bytes,
        bodies_bytes=settings.bodies_memory_mib * MIB,
        request_seconds=settings.budget_s,
        program_seconds=settings.max_seconds_cap,
    )
