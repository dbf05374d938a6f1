"""Judges the engine by what it tells of itself: can it run katas?"""

from collections.abc import Iterable

from pool import EngineError, EngineFacts, ImageEngine, ImageMissingError, UnansweredError
from runner.configuration.containers import UNCONFINED
from runner.configuration.variables import PREFIX
from runner.doctor.findings import Finding, ok, problem, warning

OLDEST_API = (1, 41)
APPARMOR_PROFILE = "dojo-runner-cells"
_LOAD_THE_PROFILE = "for cells load deploy/apparmor/dojo-runner-cells: docs/hosts.md"


def engine(facts: EngineFacts) -> Finding:
    """Whether the engine is new enough, and which one it is."""
    name = "engine"
    found = (
        f"{facts.version}, API {facts.api_version}, {facts.architecture}, {facts.system}, "
        f"Linux {facts.kernel}"
    )
    if _numbers(facts.api_version) < OLDEST_API:
        return problem(name, found, "install an engine of API 1.41 (Docker 20.10) or later")
    return ok(name, f"{found}, rootless" if "rootless" in _options(facts) else found)


def cgroups(facts: EngineFacts) -> Finding:
    """Whether the engine can limit a program's memory and its number of processes."""
    name = "cgroups"
    lacking = [
        what
        for what, is_limited in (
            ("memory", facts.limits_memory),
            ("the number of processes", facts.limits_processes),
        )
        if not is_limited
    ]
    version = f"v{facts.cgroup_version}"
    if lacking:
        return problem(
            name,
            f"{version}; the engine cannot limit {' and '.join(lacking)}",
            "switch on the kernel's cgroup controllers memory and pids: a learner's program could "
            "take the whole machine",
        )
    return ok(name, f"{version}, memory and processes can be limited")


def seccomp(facts: EngineFacts) -> Finding:
    """Whether system calls of containers are filtered."""
    name = "seccomp"
    profile = _options(facts).get("seccomp")
    if profile is None or profile == "unconfined":
        return problem(
            name,
            "system calls are not filtered",
            "let the engine have its own seccomp profile again (`seccomp-profile` in daemon.json)",
        )
    return ok(name, f"on, profile {profile}")


def apparmor(facts: EngineFacts, profiles: Iterable[str] | None, profile: str) -> Finding:
    """Whether AppArmor is on, and has the profile of cells. `profiles`: None if unknown."""
    name = "AppArmor"
    if "apparmor" not in _options(facts):
        return ok(name, "the engine does not use it")
    if profile == UNCONFINED:
        return warning(
            name,
            f"on, but off for programs in cells: {PREFIX}APPARMOR is {UNCONFINED}",
            f"leave the setting empty; {_LOAD_THE_PROFILE}",
        )
    if profiles is None:
        return ok(name, f"on; only root may see whether the profile {profile} is loaded")
    if profile not in profiles:
        is_ours = profile == APPARMOR_PROFILE
        advice = _LOAD_THE_PROFILE if is_ours else f"load it, or leave {PREFIX}APPARMOR empty"
        return warning(name, f"on, without the profile {profile}", advice)
    return ok(name, f"on, with the profile {profile}")


async def tool_image(
    images: ImageEngine, name: str, *, what: str, is_needed: bool, brings: bool
) -> Finding:
    """Whether an image that the service needs is on the node, or another takes its place.

    `brings` says whether the service can load one that is missing.
    """
    try:
        image = await images.image(name)
    except ImageMissingError:
        if brings:
            return ok(what, f"{name} is not on this node; the service loads its own files")
        kind = problem if is_needed else warning
        advice = f"pull it, or `make images`: {'no colour' if is_needed else 'no cells'} without it"
        return kind(what, f"{name} is not on this node", advice)
    except EngineError as error:
        return problem(what, f"{name}: {error.message}", advice_of(error))
    return ok(what, f"{name}, {image.image_id.removeprefix('sha256:')[:12]}")


def advice_of(error: EngineError) -> str:
    """What to do about an engine's failure."""
    advice = error.advice if isinstance(error, UnansweredError) else ""
    return advice or "see the engine's own log (`journalctl -u docker`)"


def _options(facts: EngineFacts) -> dict[str, str | None]:
    """The engine's security options, such as `name=seccomp,profile=default`: profiles by name."""
    options: dict[str, str | None] = {}
    for text in facts.security:
        fields = dict(field.partition("=")[::2] for field in text.split(","))
        if "name" in fields:
            options[fields["name"]] = fields.get("profile")
    return options


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdecimal())
