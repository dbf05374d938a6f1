"""Finds the Docker engine of this machine, starts one when there is none, and stops only that one.

The engine belongs to the machine, not to a checkout of this repository. So the processes that use
it share these files in /var/run/dojo-runner:

  start.lock    held while a process looks for the engine, starts it or stops it
  users.lock    held, shared, by each process that uses it; one that can have it alone is the last
  dockerd.json  the dockerd that we started; the last process stops it, unless it is meant to stay

The kernel drops the locks of a process that dies. An engine that a killed process left behind is
stopped by the next process that leaves.
"""

import asyncio
import contextlib
import dataclasses
import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn, TextIO

import aiodocker
import aiohttp
from child import pause, run, spawn

ROOT = Path(__file__).resolve().parent.parent
LOG = ROOT / ".state" / "dockerd.log"

SOCKET = Path("/var/run/docker.sock")
SHARED = Path("/var/run/dojo-runner")
RECORD = SHARED / "dockerd.json"

START_SECONDS = 60
# dockerd gives each of its containers 10 s to end, and containerd some more.
STOP_SECONDS = 90


def fail(message: str) -> NoReturn:
    """Ends the command with one line."""
    sys.exit(f"error: {message}")


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """One line with the seconds that the block took."""
    print(f"{text} ... ", end="", flush=True)
    started = time.monotonic()
    try:
        yield
    except BaseException:
        print(flush=True)
        raise
    print(f"{time.monotonic() - started:.0f} s", flush=True)


@contextlib.contextmanager
def engine(*, stays: bool | None = None) -> Iterator[None]:
    """Inside the block an engine answers at DOCKER_HOST, which is set for all that is started.

    With `stays` the engine, if it is one of ours, outlives its users from now on.
    """
    if host := os.environ.get("DOCKER_HOST"):
        if not answers(host):
            fail(f"DOCKER_HOST is {host}, but no Docker engine answers there")
        yield
        return
    os.environ["DOCKER_HOST"] = f"unix://{SOCKET}"
    if os.geteuid() != 0:
        if not answers(os.environ["DOCKER_HOST"]):
            fail(
                f"no Docker engine answers you at {SOCKET}; run the same with sudo,"
                " or start Docker and join its group: sudo usermod -aG docker $USER"
            )
        yield
        return
    users = enter()
    try:
        yield
    finally:
        leave(users, stays=stays)


def stop() -> str:
    """Stops the engine that stays, now or when its last user leaves; returns what came of it."""
    if not RECORD.exists():
        return "no engine of ours runs"
    if os.geteuid() != 0:
        fail("root started the engine; run: sudo make engine-stop")
    if leave((SHARED / "users.lock").open("w"), stays=False):
        return "the engine is in use; it stops with its last user"
    return "no engine of ours runs any more"


def description() -> str:
    """Tells which engine answers, for a user that means to keep it."""
    where = f"a Docker engine answers at {os.environ['DOCKER_HOST']}"
    dockerd = Dockerd.recorded()
    if dockerd is None:
        return f"{where}; it is not ours, so it stays as it is"
    return f"{where} and stays; its log: {dockerd.log}; to stop it: make engine-stop"


def enter() -> TextIO:
    """Starts an engine if none answers; what it returns is to be given to leave()."""
    SHARED.mkdir(exist_ok=True)
    with (SHARED / "start.lock").open("w") as start_lock:
        # Polled, so that Ctrl-C works while another one installs Docker.
        while not locked(start_lock, fcntl.LOCK_EX):
            pause(0.2)
        if not answers(f"unix://{SOCKET}"):
            start()
        users = (SHARED / "users.lock").open("w")
        fcntl.flock(users, fcntl.LOCK_SH)
    return users


def leave(users: TextIO, *, stays: bool | None = None) -> bool:
    """Stops the engine if we started it, it need not stay and nobody else uses it.

    `stays` changes whether it is meant to stay. Returns whether one of ours still runs.
    """
    # Neither lock can be waited for in vain: whoever starts or stops an engine has a time limit.
    with (SHARED / "start.lock").open("w") as start_lock, users:
        fcntl.flock(start_lock, fcntl.LOCK_EX)
        dockerd = Dockerd.recorded()
        if dockerd is None:
            return False
        if stays is not None:
            dockerd = dataclasses.replace(dockerd, stays=stays)
            dockerd.write()
        if dockerd.stays or not locked(users, fcntl.LOCK_EX):
            return True
        dockerd.stop()
        return False


def locked(file: TextIO, kind: int) -> bool:
    """Whether the lock could be taken at once."""
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def answers(url: str) -> bool:
    """Whether an engine answers there."""

    async def ask() -> None:
        # Always with its address: on its own aiodocker prefers the docker CLI's current context.
        async with asyncio.timeout(5), aiodocker.Docker(url=url) as docker:
            await docker.version()

    try:
        asyncio.run(ask())
    except (aiodocker.DockerError, aiohttp.ClientError, OSError, TimeoutError, ValueError):
        return False
    return True


def start() -> None:
    """Install the engine if there is none, start it, and wait until it answers."""
    # dockerd and the programs that it calls are there, which a user's PATH need not name.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    if shutil.which("dockerd") is None:
        print("no Docker engine is installed: taking the distribution's", flush=True)
        # iptables for the containers' network, ca-certificates for registries.
        install("docker.io", "iptables", "ca-certificates")
    if Path("/run/systemd/system").exists():
        # There it is a service of the machine like any other: started the usual way, and left on.
        with step("starting the docker service"):
            if run(["systemctl", "start", "docker"]) != 0:
                fail("systemctl start docker failed; see: journalctl -u docker")
            wait_for_answer(None)
    else:
        dockerd = Dockerd.start()
        try:
            with step("starting dockerd"):
                wait_for_answer(dockerd)
        except BaseException:
            if dockerd.runs():
                dockerd.stop()
            raise


def install(*packages: str) -> None:
    """Installs packages of the distribution, or fails."""
    if run([str(ROOT / "scripts" / "apt-install"), *packages]) != 0:
        sys.exit(1)


def wait_for_answer(dockerd: "Dockerd | None") -> None:
    """Wait until the engine answers; fail when dockerd ends, or after START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while not answers(f"unix://{SOCKET}"):
        if dockerd is not None and not dockerd.runs():
            tail = "".join(LOG.open(errors="replace").readlines()[-15:])
            fail(f"dockerd ended; its log, {LOG}, ends with:\n{tail}")
        if time.monotonic() > deadline:
            fail(f"no Docker engine answers at {SOCKET} after {START_SECONDS} s (log: {LOG})")
        pause(0.2)


@dataclasses.dataclass(frozen=True)
class Dockerd:
    """A dockerd that we started. Its start time tells it from a later process with its pid."""

    pid: int
    started: str
    log: str
    stays: bool = False

    @classmethod
    def start(cls) -> "Dockerd":
        """Start dockerd in a session of its own, and record it."""
        LOG.parent.mkdir(exist_ok=True)
        with LOG.open("wb") as log:
            # A session of its own: Ctrl-C in our terminal is not meant for it.
            pid = spawn(["dockerd"], output=log.fileno(), new_session=True)
        stat = process(pid)
        dockerd = cls(pid, stat.started if stat else "", str(LOG))
        dockerd.write()
        return dockerd

    @classmethod
    def recorded(cls) -> "Dockerd | None":
        """The dockerd that was recorded, unless it has ended."""
        try:
            dockerd = cls(**json.loads(RECORD.read_text()))
        except FileNotFoundError:
            return None
        return dockerd if dockerd.runs() else None

    def write(self) -> None:
        """Record it, for the process that will stop it."""
        RECORD.write_text(json.dumps(dataclasses.asdict(self)))

    def runs(self) -> bool:
        """Whether this very process still runs, and not another with the same pid."""
        stat = process(self.pid)
        return stat is not None and stat.started == self.started

    def stop(self) -> None:
        """End it and its containerd; fail when they have not ended in STOP_SECONDS."""
        with step("stopping dockerd"):
            # Its containerd; the shims of containers end with these.
            children = [stat for stat in processes() if stat.parent == self.pid]
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            deadline = time.monotonic() + STOP_SECONDS
            while self.runs() or any(process(child.pid) == child for child in children):
                if time.monotonic() > deadline:
                    fail(f"dockerd (pid {self.pid}) has not ended in {STOP_SECONDS} s")
                time.sleep(0.1)
            RECORD.unlink()


@dataclasses.dataclass(frozen=True)
class Process:
    """One process. Its pid may be used again; its pid and start together are not."""

    pid: int
    parent: int = dataclasses.field(compare=False)
    started: str


def process(pid: int) -> Process | None:
    """The kernel's description of a process; None if it has ended."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # After the name, which may hold anything; see proc(5).
    state, parent, *fields = stat.rpartition(")")[2].split()
    # A zombie has ended; its parent may be one that never asks.
    return None if state in "ZX" else Process(pid, int(parent), fields[17])


def processes() -> list[Process]:
    """All processes that run just now."""
    pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [found for pid in pids if (found := process(pid)) is not None]
