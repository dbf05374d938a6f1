"""Tells from a replica's view what is wrong, why, and what to do about it: pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from runner.operators.neighbours import Neighbour
from runner.operators.replica_view import ReplicaView

MOST_FINDINGS = 20
MOST_OF_A_KIND = 3
# A pull that takes longer is worth a look, although an image of many gigabytes may take so long.
SLOW_PULL_S = 300.0
_DISK_FULL = ("no space left on device", "disk quota exceeded")


class Level(StrEnum):
    """How much a finding matters."""

    BAD = "bad"  # all learners get no answers, or wrong ones
    WARN = "warn"  # some learners do, or will soon
    NOTE = "note"


@dataclass(frozen=True)
class Finding:
    """One thing that an operator should know: what is so, why, and what to do.

    `docs` is the heading in docs/operations.md that says more.
    """

    level: Level
    what: str
    why: str
    do: str
    docs: str


def findings(own: ReplicaView, neighbours: Mapping[str, Neighbour]) -> tuple[Finding, ...]:
    """All findings about a replica, the worst first."""
    found = [
        *_draining(own),
        *_engine(own),
        *_disk(own),
        *_colours(own),
        *_images(own),
        *_pulls(own),
        *_siblings(own, neighbours),
        *_queue(own),
        *_cells(own),
        *_loops(own),
    ]
    order = list(Level)
    return tuple(sorted(found, key=lambda one: order.index(one.level))[:MOST_FINDINGS])


def _draining(own: ReplicaView) -> Iterator[Finding]:
    if own.status == "draining":
        yield Finding(
            Level.NOTE,
            "This replica is draining",
            "It was asked to stop: it finishes its runs, and takes on no new ones.",
            "Nothing. Its siblings serve meanwhile.",
            "What to look at first",
        )


def _engine(own: ReplicaView) -> Iterator[Finding]:
    if not own.engine.answers:
        yield Finding(
            Level.BAD,
            "The Docker engine does not answer",
            "Runs end faulty (143), and /ready says false.",
            "Run `docker info` on the host; restart the engine if that hangs or fails.",
            "The engine has stopped",
        )


def _disk(own: ReplicaView) -> Iterator[Finding]:
    errors = (
        *(image.last_error for image in own.images.values()),
        *(pull.last_error for pull in own.all_pulls.values()),
    )
    full = next(filter(_is_full, errors), "")
    if full:
        yield Finding(
            Level.BAD,
            "The engine's disk is full",
            full,
            "Run `docker system df`, then `docker image prune`.",
            "The disk is full",
        )


def _is_full(error: str) -> bool:
    return any(words in error.lower() for words in _DISK_FULL)


def _colours(own: ReplicaView) -> Iterator[Finding]:
    if own.engine.answers and not own.colours.can_be_told:
        yield Finding(
            Level.BAD,
            "Colours cannot be told",
            own.colours.last_error,
            "See that the image of CYBER_DOJO_RUNNER_RUBY_IMAGE is on the node and starts.",
            "The image with Ruby is missing",
        )


def _images(own: ReplicaView) -> Iterator[Finding]:
    if not own.engine.answers:
        return  # another finding says that the engine is lost; that is no image's fault
    # A full disk is no image's fault either, and has a finding of its own.
    broken = {
        name: image
        for name, image in own.images.items()
        if image.last_error and not _is_full(image.last_error)
    }
    for name, image in list(broken.items())[:MOST_OF_A_KIND]:
        yield Finding(
            Level.WARN if image.warm else Level.BAD,
            f"Containers of {name} do not start",
            image.last_error,
            f"Run `dojo-runner image check {name}` on the host: it tells what the image lacks.",
            "An image cannot start",
        )
    if len(broken) > MOST_OF_A_KIND:
        yield Finding(
            Level.BAD,
            f"Containers of {len(broken) - MOST_OF_A_KIND} more images do not start",
            "Where many fail at once, the engine or the host is the likelier cause.",
            "Run `docker info` and `df -h` on the host; the table below has each error.",
            "An image cannot start",
        )


def _pulls(own: ReplicaView) -> Iterator[Finding]:
    for name, pull in own.all_pulls.items():
        if pull.last_error:
            tried = "once" if pull.attempts == 1 else f"{pull.attempts} times"
            why = f"It was tried {tried}, the last time with: {pull.last_error}"
        elif pull.since_s > SLOW_PULL_S:
            why = f"It has been under way for {pull.since_s:.0f} s."
        else:
            continue
        yield Finding(
            Level.WARN,
            f"{name} is not here yet",
            why,
            f"Run `docker pull {name}` on the host, and see what the registry says.",
            "An image cannot be pulled",
        )


def _siblings(own: ReplicaView, neighbours: Mapping[str, Neighbour]) -> Iterator[Finding]:
    lost = {one.address: one.last_error for one in own.siblings if one.last_error}
    silent = {address: one.trouble for address, one in neighbours.items() if one.trouble}
    for address, trouble in {**lost, **silent}.items():
        yield Finding(
            Level.WARN,
            f"The sibling at {address} does not answer",
            trouble,
            "Look at that replica; this one is not harmed.",
            "A sibling is gone",
        )


def _queue(own: ReplicaView) -> Iterator[Finding]:
    if own.queued:
        waiting = "1 run waits" if own.queued == 1 else f"{own.queued} runs wait"
        yield Finding(
            Level.NOTE if own.queued <= own.running else Level.WARN,
            f"{waiting} for a place",
            f"{own.running} run now: no more may run at once.",
            "Nothing, if a class has just begun. Add a replica if it stays so.",
            "A class of 30 begins",
        )


def _cells(own: ReplicaView) -> Iterator[Finding]:
    reuse = own.reuse
    if reuse.wanted not in ("", "never") and reuse.kind != "cells" and reuse.why_no_cells:
        yield Finding(
            Level.NOTE if reuse.wanted == "auto" else Level.WARN,
            "Cells cannot be had: each run gets a container of its own",
            reuse.why_no_cells,
            "See docs/hosts.md for the switches of a host.",
            "What to look at first",
        )


def _loops(own: ReplicaView) -> Iterator[Finding]:
    for name, loop in own.loops.items():
        if not loop.is_running:
            yield Finding(
                Level.WARN,
                f"The loop “{name}” has failed, and begins again by itself",
                loop.last_error,
                "Report it, with the traceback of the log.",
                "DojoRunnerLoopFails",
            )
