"""The state of the service for operators, as a typed value and as the JSON of `GET /health`."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from pool import ContainerSpec, LoopStatus, Pools, PoolStatistics, Supervisor
from runner.cells.cells import Cells, CellsStatus
from runner.container.images import Images
from runner.container.pulls import PullStatus
from runner.container.roots import Roots
from runner.container.warm_up import WarmUps
from runner.engine.network_holders import NetworkHolders, NetworksStatus
from runner.engine.tool_images import ChosenImage, ToolImages
from runner.operators.checks import Check, readiness, status_of
from runner.operators.limits import Limits
from runner.run.admission import Admission
from runner.run.judge import ColoursStatus, Judge
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
            "tool_images": {name: _chosen(one) for name, one in self.tool_images.items()},
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


@dataclass(frozen=True)
class Inspector:
    """Looks at the parts of the service, for health checks and for operators.

    It asks no engine, so it is quick whatever the engine does. `is_draining` and `engine_answers`
    are asked each time.
    """

    replica: str
    version: str
    limits: Limits
    is_draining: Callable[[], bool]
    engine_answers: Callable[[], bool]
    judge: Judge
    images: Images
    admission: Admission
    cells: Cells
    network_holders: NetworkHolders
    roots: Roots
    warm_ups: WarmUps
    tool_images: ToolImages
    siblings: Siblings
    listener: Listener
    pools: Pools
    supervisor: Supervisor
    born_s: float = field(default_factory=time.monotonic)

    def readiness(self) -> tuple[Check, ...]:
        """The conditions of being ready, and whether each of them holds."""
        return readiness(
            is_draining=self.is_draining(),
            engine_answers=self.engine_answers(),
            cells_decided=self.cells.is_decided,
            colours=self.judge.colours,
        )

    def health(self) -> Health:
        """The state of the service, now."""
        statistics = self.pools.statistics()
        return Health(
            status=status_of(self.readiness()),
            replica=self.replica,
            version=self.version,
            uptime_s=time.monotonic() - self.born_s,
            engine_answers=self.engine_answers(),
            is_listening=self.images.is_listening,
            running=self.admission.running,
            queued=self.admission.waiting,
            refused=self.admission.refused,
            pulling=tuple(self.images.pulling),
            pulls=self.images.pulls,
            tasks=len(asyncio.all_tasks()),
            loops=dict(self.supervisor.loops),
            limits=self.limits,
            colours=self.judge.colours,
            cells=self.cells.status,
            networks=self.network_holders.status,
            tool_images=dict(self.tool_images.chosen),
            siblings=self.siblings.statuses(),
            heard_ago_s=self.listener.heard_ago_s(),
            notices_in=self.listener.verdicts,
            notices_out=dict(self.siblings.outcomes),
            pools=statistics,
            why={name: self.roots.why(name) for name in statistics},
            profiles={name: self._profile(name, pool) for name, pool in statistics.items()},
        )

    def _profile(self, name: str, pool: PoolStatistics) -> dict[str, Any]:
        profile = self.roots.profile(name)
        if not profile.get("warm_up"):
            return profile
        return {**profile, **self.warm_ups.as_json(name, pool.no_warm_up)}


def _chosen(image: ChosenImage) -> dict[str, Any]:
    return {"image_id": image.image_id, "is_own": image.is_own, "source": image.source.value}


def _pull(pull: PullStatus) -> dict[str, Any]:
    return {**asdict(pull), "since_s": round(pull.since_s, 3)}


def _image(pool: PoolStatistics) -> dict[str, Any]:
    return {
        "warm": pool.warm,
        "starting": pool.starting,
        "leased": pool.leased,
        "target": pool.target,
        "places": pool.places,
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
