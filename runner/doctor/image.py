"""What the contract requires of an image, and whether an image has it: one finding for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pool import Folder, Found, ImageEngine
from runner.client import Result
from runner.container.hand_over import GID, UID
from runner.container.lockdown import HOME
from runner.container.profile import RED_AMBER_GREEN
from runner.doctor.findings import Finding, ok, problem, warning

MIB = 1024 * 1024
LARGEST_PROGRAM_BYTES = 64 * MIB
MOST_PLACES = 20

_PROGRAMS = ("bash", "tar", "gzip", "find")
_FOLDERS = ("/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin")
# The beginning of the service's error for an image that lacks red_amber_green.rb.
_NO_FILE = "image_name must have"
_PASSWD, _GROUP = "/etc/passwd", "/etc/group"
_USER = "sandbox"
# In most images all users may write to these folders, and no kata needs them. The last one is our
# own, in a cell.
_OF_EVERY_SYSTEM = ("/var/tmp", "/run/lock", "/.dojo")  # noqa: S108


@dataclass(frozen=True)
class Pool:
    """What /health tells of an image that a daemon has run.

    `mode` is the kind of its containers, and `why` the reason if that is not the usual kind.
    `places` are made writable anew for each run. `why_no_cells` is empty if the image has cells.
    """

    mode: str
    warmed_ms: float | None
    why_no_cells: str
    why: str = ""
    places: tuple[str, ...] = ()

    @classmethod
    def of(cls, health: Mapping[str, Any], image_name: str) -> "Pool":
        """Read an image's part of /health's answer. An image that never got warm has no time."""
        pool = health["images"].get(image_name, {})
        seconds = pool.get("fill_seconds") or [None]
        first = seconds[0]
        return cls(
            mode=str(pool.get("mode", "unknown")),
            warmed_ms=None if first is None else 1000 * float(first),
            why_no_cells=str(health["reuse"]["why_no_cells"]),
            why=str(pool.get("why", "")),
            places=tuple(pool.get("profile", {}).get("places", ())),
        )


async def look_into(images: ImageEngine, image_id: str) -> list[Finding]:
    """The findings about the image's files, without a run of it. Raises EngineError."""
    programs = [f"{folder}/{name}" for name in _PROGRAMS for folder in _FOLDERS]
    found = await images.read_files(
        image_id, (_PASSWD, _GROUP, RED_AMBER_GREEN, HOME, *programs), LARGEST_PROGRAM_BYTES
    )
    return [
        _user(found[_PASSWD], found[_GROUP]),
        *(_program(name, found) for name in _PROGRAMS),
        _home(found[HOME]),
        _lambda(found[RED_AMBER_GREEN]),
    ]


def of_run(result: Result) -> list[Finding]:
    """The findings of `inside.sh`, which was run like a learner's program, and of its colour."""
    rows = [line.split("\t") for line in result.stdout.content.splitlines()]
    if result.outcome == "pulling" or result.status in ("141", "142", "143", "144"):
        reason = result.log.get("reason") or result.stderr.content or f"status {result.status}"
        return [problem("a run", " ".join(str(reason).split()), "see the findings above")]
    findings = [_ran_as(rows)]
    exception = result.log.get("exception")
    if exception is None:
        findings.append(ok("lambda", f"Ruby has run it: {result.outcome}"))
    elif not exception["context"].startswith(_NO_FILE):  # a finding about the files says that
        words = f"{exception['context']}: {exception.get('message', '')}"
        findings.append(
            problem("lambda", " ".join(words.split()), f"correct {RED_AMBER_GREEN} of the image")
        )
    findings.append(_places(rows))
    return findings


def of_pool(pool: Pool, volumes: Sequence[str]) -> list[Finding]:
    """The findings about the kind of the image's containers, and what that kind costs."""
    declared = ok("volumes", ", ".join(volumes) if volumes else "none are declared")
    if pool.warmed_ms is None:  # none of its containers got warm, so there is nothing to tell
        return [declared]
    return [
        declared,
        _root(pool),
        _cells(pool),
        ok("profile", "; ".join((pool.mode, *_made_writable(pool)))),
        ok("warming", f"{pool.warmed_ms:.0f} ms from create to ready"),
    ]


def _user(passwd: Found | None, group: Found | None) -> Finding:
    name = "user and group"
    ids = _ids(passwd), _ids(group)
    if ids[0].get(_USER) == str(UID) and ids[1].get(_USER) == str(GID):
        return ok(name, f"{_USER}, {UID}:{GID}")
    return problem(
        name,
        f"there is no user {_USER} with the ids {UID}:{GID}",
        f"RUN groupadd --gid {GID} {_USER} && useradd --uid {UID} --gid {_USER} {_USER}",
    )


def _ids(table: Found | None) -> dict[str, str]:
    """Names and their numbers in /etc/passwd or /etc/group."""
    text = table.decode("utf-8", "replace") if isinstance(table, bytes) else ""
    rows = [line.split(":") for line in text.splitlines()]
    return {row[0]: row[2] for row in rows if len(row) > 2}


def _program(name: str, found: Mapping[str, Found | None]) -> Finding:
    for folder in _FOLDERS:
        if isinstance(found[path := f"{folder}/{name}"], bytes):
            return ok(name, path)
    return problem(name, "is not in the image", f"install {name}: every run needs it")


def _home(found: Found | None) -> Finding:
    name = "home"
    if isinstance(found, bytes):
        return problem(name, f"{HOME} is a file", "make it a folder")
    if found is Folder.FILLED:
        return ok(name, f"{HOME} holds something: each container gets a copy of it")
    return ok(name, f"{HOME} is empty or absent: each container gets a new one")


def _lambda(found: Found | None) -> Finding:
    name = "lambda's file"
    if isinstance(found, bytes):
        return ok(name, f"{RED_AMBER_GREEN}, {len(found)} bytes")
    return problem(
        name,
        f"{RED_AMBER_GREEN} is not in the image",
        "COPY it into the image; without it, a start point that has no rag_lambda has no colour",
    )


def _ran_as(rows: Sequence[Sequence[str]]) -> Finding:
    name = "a run"
    for row in rows:
        if row[0] == "user":
            return ok(name, f"as {row[1]}:{row[2]}, without network, under the limits of every run")
    return problem(name, "it printed nothing", "see `dojo-runner run` with this image")


def _places(rows: Sequence[Sequence[str]]) -> Finding:
    """The finding about places that the image's permissions let a program write to."""
    name = "writable places"
    places = {row[1]: row[2] == "yes" for row in rows if row[0] == "place" and len(row) == 3}
    for usual in _OF_EVERY_SYSTEM:
        places.pop(usual, None)
    lost = [place for place, is_writable in places.items() if not is_writable]
    if not lost:
        kept = ", ".join(places) or "none"
        return ok(name, f"outside of /sandbox, /tmp and the home: {kept}")
    shown = ", ".join(lost[:MOST_PLACES])
    more = f" and {len(lost) - MOST_PLACES} more" if len(lost) > MOST_PLACES else ""
    return warning(
        name,
        f"read-only in a run, though the image would allow it: {shown}{more}",
        "let programs write below /sandbox, /tmp or the home",
    )


def _root(pool: Pool) -> Finding:
    name = "read-only"
    if pool.mode != "writable root":
        return ok(name, "possible")
    why = pool.why or "programs of this image do not run otherwise"
    return warning(name, f"not possible: {why}", "let programs write below /tmp or the home")


def _made_writable(pool: Pool) -> tuple[str, ...]:
    return (f"writable for each run anew: {', '.join(pool.places)}",) if pool.places else ()


def _cells(pool: Pool) -> Finding:
    name = "cells"
    if pool.mode == "cells":
        return ok(name, "each run can have one")
    if pool.why_no_cells:
        return warning(name, pool.why_no_cells, "see `dojo-runner doctor`")
    return warning(
        name,
        "this image cannot have them: each run gets a container",
        "declare no volumes that are nested, or that hold files",
    )
