"""Looks at this host, without asking the engine. `root` is the folder that holds its files."""

import os
import resource
import shutil
import socket
from collections.abc import Callable, Iterable
from grp import getgrgid
from pathlib import Path
from stat import S_ISSOCK

from runner.doctor.findings import Finding, ok, problem, warning
from runner.doctor.ports import holder_of

GIB = 1024**3
LITTLE_DISK_BYTES = 5 * GIB
TOO_LITTLE_DISK_BYTES = GIB

_UNIX = "unix://"
_CELLS_NEED = "without user namespaces there are no cells: docs/hosts.md"


def engine_socket(docker_host: str, may: Callable[[Path, int], bool] = os.access) -> Finding:
    """Whether this user may open the engine's socket; `may` asks the kernel."""
    name = "socket"
    if not docker_host.startswith(_UNIX):
        return ok(name, f"{docker_host} is an address, not a socket of this host")
    path = Path(docker_host.removeprefix(_UNIX))
    try:
        status = path.stat()
    except OSError as error:
        return problem(name, *_unreachable(path, error))
    if not S_ISSOCK(status.st_mode):
        return problem(name, f"{path} is no socket", "correct DOCKER_HOST")
    group = _group_name(status.st_gid)
    if not may(path, os.R_OK | os.W_OK):
        return problem(
            name,
            f"this user may not open {path}, which belongs to the group {group}",
            f"add the user to that group (`usermod -aG {group} USER`) and log in again",
        )
    return ok(name, f"{path}, group {group}")


def _unreachable(path: Path, error: OSError) -> tuple[str, str]:
    """What is found of a socket that cannot be looked up, and what to do."""
    match error:
        case FileNotFoundError():
            return f"{path} is not there", "start the engine, or correct DOCKER_HOST"
        case PermissionError():
            return f"{path} is out of reach for this user", _become_root()
        case _:
            return f"{path}: {error.strerror}", "correct DOCKER_HOST"


def user_namespaces(profile: str, root: Path = Path("/")) -> Finding:
    """Whether the kernel lets an ordinary user make user namespaces, which cells need.

    `profile` is the AppArmor profile of containers of cells.
    """
    name = "user namespaces"
    refusals = []
    if _sysctl(root, "user.max_user_namespaces") == "0":
        refusals.append(("user.max_user_namespaces is 0", "user.max_user_namespaces=1000"))
    if _sysctl(root, "kernel.unprivileged_userns_clone") == "0":
        refusals.append(
            ("kernel.unprivileged_userns_clone is 0", "kernel.unprivileged_userns_clone=1")
        )
    if refusals:
        found = "; ".join(what for what, _ in refusals)
        commands = "; ".join(f"sysctl -w {switch}" for _, switch in refusals)
        return warning(name, found, f"{_CELLS_NEED}. As root: {commands}")
    if _sysctl(root, "kernel.apparmor_restrict_unprivileged_userns") == "1":
        return _restricted_by_apparmor(profile, apparmor_profiles(root))
    if not (root / "proc/self/ns/user").exists():
        return warning(name, "this kernel has none", _CELLS_NEED)
    most = _sysctl(root, "user.max_user_namespaces")
    return ok(name, f"allowed, {most} at the most" if most else "allowed")


def _restricted_by_apparmor(profile: str, profiles: Iterable[str] | None) -> Finding:
    """What Ubuntu's switch means, which leaves user namespaces to programs under a profile."""
    name = "user namespaces"
    found = "kernel.apparmor_restrict_unprivileged_userns is 1: only programs under a profile"
    if profiles is None:
        return ok(name, f"{found}; only root may see whether {profile} is loaded")
    if profile in profiles:
        return ok(name, f"{found}, and {profile} is loaded")
    return warning(name, found, "for cells load deploy/apparmor/dojo-runner-cells: docs/hosts.md")


def disk(folder: str) -> Finding:
    """Whether there is room for images; `folder` is the engine's, if it is on this host."""
    name = "disk"
    here = folder if Path(folder).is_dir() else "/"
    free_bytes = shutil.disk_usage(here).free
    found = f"{free_bytes / GIB:.1f} GiB free at {here}"
    advice = "remove images that nobody needs (`docker image prune`), or add a disk"
    if free_bytes < TOO_LITTLE_DISK_BYTES:
        return problem(name, found, advice)
    if free_bytes < LITTLE_DISK_BYTES:
        return warning(name, f"{found}; an image of a language takes up to 2 GiB", advice)
    return ok(name, found)


def open_files(needed: int) -> Finding:
    """Whether the daemon may open as many files as its settings need; it raises the soft limit."""
    name = "open files"
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= needed:
        most = "without limit" if hard == resource.RLIM_INFINITY else f"{hard} may be open"
        return ok(name, f"{most}, {needed} are needed")
    return warning(
        name,
        f"{hard} may be open, {needed} are needed: there will be fewer connections than set",
        f"raise the hard limit (`ulimit -Hn {needed}`, LimitNOFILE={needed} of a systemd unit)",
    )


def port(host: str, number: int, root: Path = Path("/")) -> Finding:
    """Whether the daemon could listen at this port; if not, which program does."""
    name = "port"
    where = f"{host}:{number}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((host, number))
        except PermissionError:
            return problem(name, f"this user may not listen at {where}", _another_port())
        except OSError as error:
            if (holder := holder_of(number, root)) is None:
                return problem(name, f"{where}: {error.strerror or error}", _another_port())
            return problem(name, f"{holder} listens at {where}", f"stop it, or: {_another_port()}")
    return ok(name, f"{where} is free")


def apparmor_profiles(root: Path = Path("/")) -> Iterable[str] | None:
    """The names of the profiles that the kernel has loaded; None if this user may not look."""
    try:
        lines = (root / "sys/kernel/security/apparmor/profiles").read_text().splitlines()
    except OSError:
        return None
    return [line.partition(" ")[0] for line in lines]


def _sysctl(root: Path, name: str) -> str:
    """The value of a switch of the kernel; empty if the kernel has no such switch."""
    try:
        return (root / "proc/sys" / name.replace(".", "/")).read_text().strip()
    except OSError:
        return ""


def _group_name(gid: int) -> str:
    try:
        return getgrgid(gid).gr_name
    except KeyError:
        return str(gid)


def _become_root() -> str:
    return "run as root, or as a user of the group that owns the socket (often `docker`)"


def _another_port() -> str:
    return "set another CYBER_DOJO_RUNNER_PORT"
