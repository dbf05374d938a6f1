"""What operators get to see of the service, as JSON: `GET /health`."""

import asyncio
import time
from dataclasses import asdict
from typing import Any

from pool import ContainerSpec, ImagePool, Pools, Supervisor
from runner.cells.cells import Cells
from runner.container.images import Images
from runner.run.admission import Admission
from runner.siblings.listener import Listener
from runner.siblings.siblings import Siblings
from runner.upkeep import Upkeep


def health_of(
    *,
    status: str,
    replica: str,
    born_s: float,
    upkeep: Upkeep,
    images: Images,
    admission: Admission,
    cells: Cells,
    siblings: Siblings,
    listener: Listener,
    pools: Pools,
    supervisor: Supervisor,
) -> dict[str, Any]:
    """The service's parts in one look; docs/api.md has the keys."""
    now_s = time.monotonic()
    return {
        "status": status,
        "engine": {"answers": upkeep.engine_answers, "listening": images.is_listening},
        "replica": replica,
        "uptime_s": round(now_s - born_s, 3),
        "running": admission.running,
        "queued": admission.waiting,
        "refused": admission.refused,
        "pulling": images.pulling,
        "tasks": len(asyncio.all_tasks()),
        "loops": {name: asdict(loop) for name, loop in supervisor.loops.items()},
        "reuse": cells.health(),
        "siblings": siblings.health(),
        "heard_ago_s": listener.heard_ago_s(),
        "notices_in": dict(listener.verdicts),
        "notices_out": dict(siblings.outcomes),
        "images": {name: _image(pool, now_s) for name, pool in pools.by_image.items()},
    }


def _image(pool: ImagePool, now_s: float) -> dict[str, Any]:
    return {
        "warm": pool.warm,
        "starting": pool.starting,
        "leased": pool.leased,
        "target": pool.target,
        "takes": pool.counts.hits + pool.counts.misses,
        "hits": pool.counts.hits,
        "misses": pool.counts.misses,
        "take_rate": round(pool.demand.taken.at(now_s), 4),
        "fill_rate": round(pool.demand.filled.at(now_s), 4),
        "rate": round(pool.demand.rate(now_s), 4),
        "starts": pool.counts.starts,
        "failures": pool.counts.failures,
        "fill_seconds": [round(fill_s, 3) for fill_s in pool.demand.fill_times_s],
        "returns": pool.counts.returns,
        "served": pool.counts.served,
        "uses": pool.counts.uses,
        "discards": pool.counts.discards,
        "mode": _mode(pool.spec),
        "last_error": str(pool.breaker.last_error or ""),
    }


def _mode(spec: ContainerSpec) -> str:
    if spec.uses > 1:
        return "cells"
    return "copied home" if spec.volumes else "read-only"
