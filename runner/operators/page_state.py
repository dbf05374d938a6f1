"""Makes the state that the live page shows, as the JSON that its script reads."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from itertools import chain, islice
from typing import Any

from runner.operators.findings import Finding
from runner.operators.neighbours import Neighbour
from runner.operators.recent_runs import MOST_BAD, SLOT_S, BadRun, RunsSeen
from runner.operators.replica_view import ImageView, ReplicaView

MOST_ROWS = 300  # of all replicas' images together, and of their pulls, and of their bad runs


def state_of(
    own: ReplicaView,
    neighbours: Mapping[str, Neighbour],
    runs: RunsSeen,
    found: tuple[Finding, ...],
    *,
    acts: bool,
) -> bytes:
    """The state as JSON. `acts` tells whether the page offers to warm and drain images.

    This replica's rows come first. Of what siblings tell, no more is looked at than is sent.
    """
    siblings = {
        address: one
        for address, one in neighbours.items()
        if one.health is None or not _is_same(own, one.health)
    }
    replicas = [_replica(own), *(_sibling(own, *one) for one in siblings.items())]
    views = [own, *(one.health for one in siblings.values() if one.health is not None)]
    images = sum(len(view.images) for view in views)
    state = {
        "replica": own.replica,
        "status": own.status,
        "findings": [asdict(one) for one in found],
        "replicas": replicas,
        "images": _first(row for view in views for row in _images(view)),
        "images_left_out": max(0, images - MOST_ROWS),
        "pulls": _first(row for view in views for row in _pulls(view)),
        "slot_s": SLOT_S,
        "outcomes": runs.outcomes,
        "phases": {name: asdict(times) for name, times in runs.phases.items()},
        "acts": acts,
        "bad_runs": _bad_runs(own, runs.bad, views[1:]),
    }
    return json.dumps(state, separators=(",", ":")).encode()


def _first(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return list(islice(rows, MOST_ROWS))


def _is_same(own: ReplicaView, other: ReplicaView) -> bool:
    """Whether an address answered with this replica's own health.

    The list of siblings may contain this replica itself.
    """
    return other.replica == own.replica and abs(other.uptime_s - own.uptime_s) < 5


def _replica(view: ReplicaView) -> dict[str, Any]:
    images = view.images.values()
    return {
        "name": view.replica,
        "status": view.status,
        "engine": view.engine.answers,
        "colours": view.colours.can_be_told,
        "faulty_colours": view.colours.faulty,
        "kind": view.reuse.kind,
        "why_no_cells": view.reuse.why_no_cells,
        "uptime_s": view.uptime_s,
        "running": view.running,
        "places": view.limits.runs_at_once,
        "queued": view.queued,
        "refused": view.refused,
        "warm": sum(image.warm for image in images),
        "target": sum(image.target for image in images),
        "hits": sum(image.hits for image in images),
        "misses": sum(image.misses for image in images),
    }


def _sibling(own: ReplicaView, address: str, one: Neighbour) -> dict[str, Any]:
    """A sibling's figures, or only its address while it has sent none."""
    told = next((told for told in own.siblings if told.address == address), None)
    health = one.health
    return {
        **(_replica(health) if health is not None else {"name": "", "status": ""}),
        "address": address,
        "trouble": one.trouble or (told.last_error if told else ""),
        "figures_ago_s": time.monotonic() - one.at_s if health is not None else None,
        "heard_ago_s": own.heard_ago_s.get(health.replica) if health is not None else None,
    }


def _images(view: ReplicaView) -> Iterator[dict[str, Any]]:
    """The images: those in trouble first, then by demand, because the last may be left out."""

    def rank(item: tuple[str, ImageView]) -> tuple[bool, int, str]:
        name, image = item
        return not image.last_error, -(image.leased + image.hits + image.misses), name

    for name, image in sorted(view.images.items(), key=rank):
        yield {
            "replica": view.replica,
            "name": name,
            "warm": image.warm,
            "target": image.target,
            "leased": image.leased,
            "starting": image.starting,
            "hit_rate": image.hit_rate,
            "warming_s": image.warming_s,
            "mode": image.mode,
            "why": image.why,
            "last_error": image.last_error,
            "pause_s": image.breaker_pause_s,
        }


def _pulls(view: ReplicaView) -> Iterator[dict[str, Any]]:
    for name, pull in view.all_pulls.items():
        yield {"replica": view.replica, "name": name, **pull.model_dump()}


def _bad_runs(
    own: ReplicaView, ours: tuple[BadRun, ...], siblings: list[ReplicaView]
) -> list[dict[str, Any]]:
    """The latest of each replica, and of all together the latest first.

    Ours are all there, whatever a sibling's clock says. Where siblings have too many, those of the
    last siblings are left out.
    """
    theirs = (
        {"replica": one.replica, **run.model_dump()}
        for one in siblings
        for run in one.bad_runs[:MOST_BAD]
    )
    own_runs = ({"replica": own.replica, **asdict(run)} for run in ours)
    return sorted(_first(chain(own_runs, theirs)), key=lambda run: -run["at"])
