"""The state of the service for operators, as a typed value and as the JSON of `GET /health`."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pool import ContainerSpec, LoopStatus, Pools, PoolStatistics, Supervisor
from runner.cells.cells import Cells, CellsStatus
from runner.container.images import Images
from runner.container.pulls import PullStatus
from runner.container.roots import Roots
from runner.container.warm_up import WarmUps
from runner.engine.network_holders import NetworksStatus
from runner.engine.own_image import ChosenImage
from runner.operators.limits import Limits
from runner.run.admission import Admission
from runner.run.judge import ColoursStatus
from runner.siblings.listener import Listener
from runner.siblings.sibling import SiblingStatus
from runner.siblings.siblings import Siblings


@dataclass(frozen=True)
class Health:
    """The service at one moment. docs/api.md tells what each number means."""

    status: str
    replica: str
    version: str
    uptime_s: float
    engine_answers: bool
    is_listening: bool
    running: int
    queued: int
    refused: int
    pulling: tuple[str, ...]
    pulls: Mapping[str, PullStatus]
    tasks: int
    loops: Mapping[str, LoopStatus]
    limits: Limits
    colours: ColoursStatus
    cells: CellsStatus
    networks: NetworksStatus
    tool_images: Mapping[str, ChosenImage]
    siblings: tuple[SiblingStatus, ...]
    heard_ago_s: Mapping[str, float]
    notices_in: Mapping[str, int]
    notices_out: Mapping[str, int]
    pools: Mapping[str, PoolStatistics]
    why: Mapping[str, str] = field(default_factory=dict)  # the reasons, by image
    profiles: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The answer of `GET /health`."""
        return {
            "status": self.status,
            "engine": {"answers": self.engine_answers, "listening": self.is_listening},
            "replica": self.replica,
            "version": self.version,
            "uptime_s": round(self.uptime_s, 3),
            "running": self.running,
            "queued": self.queued,
            "refused": self.refused,
            "pulling": list(self.pulling),
            "pulls": {name: _pull(one) for name, one in self.pulls.items()},
            "tasks": self.tasks,
            "loops": {name: asdict(loop) for name, loop in self.loops.items()},
            "limits": asdict(self.limits),
            "colours": asdict(self.colours),
            "reuse": asdict(self.cells),
            "networks": asdict(self.networks),
            "tool_images": {name: asdict(one) for name, one in self.tool_images.items()},
            "siblings": [asdict(sibling) for sibling in self.siblings],
            "heard_ago_s": dict(self.heard_ago_s),
            "notices_in": dict(self.notices_in),
            "notices_out": dict(self.notices_out),
            "images": {
                name: {
                    **_image(pool),
                    "why": self.why.get(name, ""),
                    "profile": self.profiles.get(name, {}),
                }
                for name, pool in self.pools.items()
            },
        }


def health_of(
    *,
    status: str,
    replica: str,
    version: str,
    born_s: float,
    engine_answers: bool,
    limits: Limits,
    colours: ColoursStatus,
    images: Images,
    admission: Admission,
    cells: Cells,
    networks: NetworksStatus,
    roots: Roots,
    warm_ups: WarmUps,
    tool_images: Mapping[str, ChosenImage],
    siblings: Siblings,
    listener: Listener,
    pools: Pools,
    supervisor: Supervisor,
) -> Health:
    """Look at the service's parts. It asks no engine, so it is quick whatever the engine does."""
    statistics = pools.statistics()
    return Health(
        status=status,
        replica=replica,
        version=version,
        uptime_s=time.monotonic() - born_s,
        engine_answers=engine_answers,
        is_listening=images.is_listening,
        running=admission.running,
        queued=admission.waiting,
        refused=admission.refused,
        pulling=tuple(images.pulling),
        pulls=images.pulls,
        tasks=len(asyncio.all_tasks()),
        loops=dict(supervisor.loops),
        limits=limits,
        colours=colours,
        cells=cells.status,
        networks=networks,
        tool_images=dict(tool_images),
        siblings=siblings.statuses(),
        heard_ago_s=listener.heard_ago_s(),
        notices_in=listener.verdicts,
        notices_out=dict(siblings.outcomes),
        pools=statistics,
        why={name: roots.why(name) for name in statistics},
        profiles={name: _profile(roots, warm_ups, name, pool) for name, pool in statistics.items()},
    )


def _profile(roots: Roots, warm_ups: WarmUps, name: str, pool: PoolStatistics) -> dict[str, Any]:
    profile = roots.profile(name)
    if not profile.get("warm_up"):
        return profile
    return {**profile, **warm_ups.as_json(name, pool.no_warm_up)}


def _pull(pull: PullStatus) -> dict[str, Any]:
    return {**asdict(pull), "since_s": round(pull.since_s, 3)}


def _image(pool: PoolStatistics) -> dict[str, Any]:
    return {
        "warm": pool.warm,
        "starting": pool.starting,
        "leased": pool.leased,
        "target": pool.target,
        "takes": pool.takes,
        "hits": pool.hits,
        "misses": pool.misses,
        "take_rate": round(pool.take_rate, 4),
        "fill_rate": round(pool.start_rate, 4),
        "rate": round(pool.rate, 4),
        "starts": pool.starts,
        "failures": pool.failures,
        "fill_seconds": [round(start_s, 3) for start_s in pool.start_times_s],
        "resets": pool.resets,
        "discarded_after_runs": pool.discarded_after_runs,
        "runs_of_discarded": pool.runs_of_discarded,
        "discards": dict(pool.discards),
        "mode": _mode(pool.spec),
        "last_error": pool.last_error,
        "breaker_pause_s": round(pool.pause_s, 1),
    }


def _mode(spec: ContainerSpec) -> str:
    if spec.reusable:
        return "cells"
    if not spec.read_only:
        return "writable root"
    return "copied home" if spec.volumes else "read-only"
