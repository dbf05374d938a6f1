"""Containers that serve nobody any more: the rules, and the sweep that applies them."""

import asyncio
import math
import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pool.engine import ContainerEngine, Seen
from pool.errors import EngineError

SERVICE_LABEL = "dojo-runner.service"
REPLICA_LABEL = "dojo-runner.replica"
OWNER_LABEL = "dojo-runner.owner"
SERVICE = "dojo-runner"
REMOVALS_AT_ONCE = 4
# From create to start takes seconds, even on a slow engine; the clocks of two hosts may differ.
NEVER_STARTED_S = 600
# For containers of this process. The engine calls of a look into an image take less together.
NOT_STARTED_S = 80.0

_PID = re.compile("[0-9]{1,10}")  # any process of the engine's host may label a container


@dataclass(frozen=True)
class Owner:
    """The daemon that started a container: its replica's name, and its process.

    `process` is `<boot id>/<pid namespace>/<pid>/<start time>`. It is unique for ever, and every
    process in the same namespace can tell whether that one still lives.
    """

    replica: str
    process: str

    @property
    def label(self) -> str:
        """The label that only this owner's containers carry, by which they are listed."""
        return f"{OWNER_LABEL}={self.process}"

    def labels(self) -> dict[str, str]:
        """The labels that every container of this owner carries."""
        return {
            SERVICE_LABEL: SERVICE,
            REPLICA_LABEL: self.replica,
            OWNER_LABEL: self.process,
        }


def this_process(replica: str = "") -> Owner:
    """This process as an owner; a replica without a name of its own is called after the host."""
    return Owner(replica or socket.gethostname(), _process_name(os.getpid()))


def _process_name(pid: int) -> str:
    """The name of a process, see Owner. Raises OSError when there is no such process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    space = os.readlink("/proc/self/ns/pid")
    # Behind the command in parentheses, the first field of `stat` is the state, and the 20th the
    # start time in clock ticks.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    if fields[0] in "ZX":
        raise ProcessLookupError(f"{pid} was killed, and its parent has not asked for it yet")
    return f"{boot}/{space}/{pid}/{fields[19]}"


def is_provably_dead(process: str) -> bool:
    """Whether the process ran in this namespace, and has ended."""
    boot_and_space, _, rest = process.rpartition("]/")
    ours = _process_name(os.getpid()).rpartition("]/")[0]
    pid = rest.partition("/")[0]
    if boot_and_space != ours or not _PID.fullmatch(pid):
        return False
    try:
        return _process_name(int(pid)) != process
    except OSError:
        return True


def is_orphan(seen: Seen, is_dead: Callable[[str], bool], now_s: float) -> bool:
    """Whether a container of this service may be removed.

    - If its owner is provably dead, it may.
    - An owner that cannot be proved dead may be alive, so its running containers are left alone.
      (For our own see Sweeper.) A container that has ended may be removed: when a daemon dies, its
      waiting containers lose their stdin and end by themselves.
    - A container that was created and not started within ten minutes may be removed, too. It has
      lost its owner in between. It has no stdin that could end, so it would stay for ever.

    `now_s` is Unix time.
    """
    if seen.state == "created" and seen.created_s is not None:
        forgotten = now_s - seen.created_s > NEVER_STARTED_S
    else:
        forgotten = seen.state in ("exited", "dead")
    return forgotten or is_dead(seen.labels.get(OWNER_LABEL, ""))


class Sweeper:
    """Finds containers that serve nobody any more, and removes them.

    `in_books` tells whether a part of this process knows the container of that id. `now_s` is a
    monotonic clock.
    """

    def __init__(
        self,
        engine: ContainerEngine,
        me: Owner,
        in_books: Callable[[str], bool],
        *,
        is_dead: Callable[[str], bool] = is_provably_dead,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._engine = engine
        self._me = me.process
        self._in_books = in_books
        self._is_dead = is_dead
        self._now_s = now_s
        self._not_started_since_s: dict[str, float] = {}  # ours, by id

    async def sweep(self) -> int:
        """Remove orphaned and forgotten containers; returns how many. Raises EngineError."""
        seen = await self._engine.list_containers(f"{SERVICE_LABEL}={SERVICE}")
        unix_s = time.time()
        forgotten = self._forgotten(seen)
        useless = [one for one in seen if one in forgotten or is_orphan(one, self._is_dead, unix_s)]
        useless = [one for one in useless if not self._engine.works_on(one)]
        await _remove_all(self._engine, useless)
        return len(useless)

    def _forgotten(self, seen: list[Seen]) -> list[Seen]:
        """Our own containers that run, or never started, and that no part of this process knows of.

        There are such containers when an engine is restarted and its containers live on
        (live-restore), because we have lost the connections to them; and when a removal has failed.
        A container that never started may serve a look into its image. That takes no longer than
        NOT_STARTED_S.
        """
        ours = [
            one
            for one in seen
            if one.labels.get(OWNER_LABEL) == self._me
            and not self._engine.works_on(one)
            and not self._in_books(one.container_id)
        ]
        now_s, since_s = self._now_s(), self._not_started_since_s
        self._not_started_since_s = {
            one.container_id: since_s.get(one.container_id, now_s)
            for one in ours
            if one.state == "created"
        }
        return [
            one
            for one in ours
            if now_s - self._not_started_since_s.get(one.container_id, -math.inf) > NOT_STARTED_S
        ]


async def remove_mine(engine: ContainerEngine, me: Owner) -> int:
    """At the end of a process, remove all containers that it has started; returns how many."""
    mine = await engine.list_containers(me.label)
    await _remove_all(engine, mine)
    return len(mine)


async def _remove_all(engine: ContainerEngine, containers: list[Seen]) -> None:
    turns = asyncio.Semaphore(REMOVALS_AT_ONCE)

    async def remove(one: Seen) -> None:
        # A failure is reported where it happens, and the next sweep tries again.
        async with turns:
            with suppress(EngineError):
                await engine.remove(one.container_id)

    await asyncio.gather(*(remove(one) for one in containers))
